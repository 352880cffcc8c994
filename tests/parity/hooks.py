"""The operations on webhooks through either API, with one form of outcome."""

import json
from typing import Any

from tests.parity.apis import ApiClient, GraphQLApi, Outcome, RestApi

WEBHOOK = "id url events description enabled disabledReason createdAt"
DELIVERY = (
    "id type fileId status attempts { at statusCode error durationMs } nextAttemptAt createdAt deliveredAt"
)


class RestHooks:
    """Webhooks by /api/v1."""

    def __init__(self, api: RestApi) -> None:
        self.api = api

    async def create(self, url: Any, **fields: Any) -> Outcome:
        return await self._call("POST", "", url=url, **fields)

    async def list(self) -> Outcome:
        outcome = await self._call("GET", "")
        return outcome if outcome.data is None else Outcome(outcome.data["items"])

    async def get(self, webhook_id: str) -> Outcome:
        return await self._call("GET", f"/{webhook_id}")

    async def update(self, webhook_id: str, **changes: Any) -> Outcome:
        return await self._call("PATCH", f"/{webhook_id}", **changes)

    async def delete(self, webhook_id: str) -> Outcome:
        return await self._call("DELETE", f"/{webhook_id}")

    async def rotate(self, webhook_id: str) -> Outcome:
        return await self._call("POST", f"/{webhook_id}/secret")

    async def ping(self, webhook_id: str) -> Outcome:
        return await self._call("POST", f"/{webhook_id}/ping")

    async def deliveries(self, webhook_id: str, **filters: Any) -> Outcome:
        outcome = await self.api._call("GET", f"/webhooks/{webhook_id}/deliveries", params=filters)
        if outcome.data is None:
            return outcome
        return Outcome({"items": outcome.data["items"], "next": outcome.data["nextCursor"]})

    async def redeliver(self, webhook_id: str, delivery_id: str) -> Outcome:
        return await self._call("POST", f"/{webhook_id}/deliveries/{delivery_id}/redeliver")

    async def _call(self, method: str, path: str, **fields: Any) -> Outcome:
        body = {"content": json.dumps(fields)} if fields or method == "PATCH" else {}
        return await self.api._call(method, f"/webhooks{path}", **body)


class GraphQLHooks:
    """Webhooks by /graphql."""

    def __init__(self, api: GraphQLApi) -> None:
        self.api = api

    async def create(self, url: Any, **fields: Any) -> Outcome:
        return await self._call(
            "createWebhook",
            "mutation($input: CreateWebhookInput!) {"
            f" createWebhook(input: $input) {{ webhook {{ {WEBHOOK} }} secret }} }}",
            input=_by_graphql({"url": url, **fields}),
        )

    async def list(self) -> Outcome:
        return await self._call("webhooks", f"{{ webhooks {{ {WEBHOOK} }} }}")

    async def get(self, webhook_id: str) -> Outcome:
        return await self._of_one("query", "webhook", WEBHOOK, webhook_id)

    async def update(self, webhook_id: str, **changes: Any) -> Outcome:
        return await self._call(
            "updateWebhook",
            "mutation($id: ID!, $input: UpdateWebhookInput!) {"
            f" updateWebhook(id: $id, input: $input) {{ {WEBHOOK} }} }}",
            id=webhook_id,
            input=_by_graphql(changes),
        )

    async def delete(self, webhook_id: str) -> Outcome:
        outcome = await self._call(
            "deleteWebhook", "mutation($id: ID!) { deleteWebhook(id: $id) }", id=webhook_id
        )
        # REST answers with nothing.
        assert outcome.data in {None, webhook_id}
        return Outcome(None, outcome.code, outcome.context, outcome.message)

    async def rotate(self, webhook_id: str) -> Outcome:
        shown = f"webhook {{ {WEBHOOK} }} secret"
        return await self._of_one("mutation", "rotateWebhookSecret", shown, webhook_id)

    async def ping(self, webhook_id: str) -> Outcome:
        return await self._of_one("mutation", "pingWebhook", DELIVERY, webhook_id)

    async def deliveries(
        self, webhook_id: str, limit: Any = None, cursor: Any = None, status: Any = None
    ) -> Outcome:
        given = {"first": limit, "after": cursor, "status": status}
        outcome = await self._call(
            "webhookDeliveries",
            "query($id: ID!, $first: Int, $after: String, $status: [WebhookDeliveryStatus!]) {"
            " webhookDeliveries(id: $id, first: $first, after: $after, status: $status) {"
            f" edges {{ node {{ {DELIVERY} }} }} pageInfo {{ hasNextPage endCursor }} }} }}",
            id=webhook_id,
            **{name: value for name, value in given.items() if value is not None},
        )
        if outcome.data is None:
            return outcome
        page = outcome.data["pageInfo"]
        return Outcome(
            {
                "items": [edge["node"] for edge in outcome.data["edges"]],
                "next": page["endCursor"] if page["hasNextPage"] else None,
            }
        )

    async def redeliver(self, webhook_id: str, delivery_id: str) -> Outcome:
        return await self._call(
            "redeliver",
            "mutation($id: ID!, $deliveryId: ID!) {"
            f" redeliver(id: $id, deliveryId: $deliveryId) {{ {DELIVERY} }} }}",
            id=webhook_id,
            deliveryId=delivery_id,
        )

    async def _of_one(self, kind: str, field: str, shown: str, webhook_id: str) -> Outcome:
        return await self._call(
            field, f"{kind}($id: ID!) {{ {field}(id: $id) {{ {shown} }} }}", id=webhook_id
        )

    async def _call(self, field: str, query: str, **variables: Any) -> Outcome:
        outcome = await self.api._call(field, query, **variables)
        for webhook in _webhooks_in(outcome.data):
            webhook["events"] = [event.lower().replace("_", ".") for event in webhook["events"]]
        return outcome


Hooks = RestHooks | GraphQLHooks


def hooks_of(api: ApiClient) -> Hooks:
    """The webhooks of the owner of that API client."""
    return RestHooks(api) if isinstance(api, RestApi) else GraphQLHooks(api)


def _by_graphql(fields: dict[str, Any]) -> dict[str, Any]:
    events = fields.get("events")
    if isinstance(events, list):
        fields |= {"events": [str(event).upper().replace(".", "_") for event in events]}
    return fields


def _webhooks_in(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, list):
        return data
    if isinstance(data, dict):
        data = data.get("webhook", data)
        return [data] if "events" in data else []
    return []
