"""The REST operations on webhooks: parse, call, render."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.rest.operation import Paths, json_answer, operation
from api.rest.schemas import DeliveryId, QuerySchema, WebhookId
from waybill.files.file_json import FileId, Schema, Time
from waybill.platform.principal import Principal
from waybill.webhooks import deliveries, model, service
from waybill.webhooks.deliveries import DeliveryListing, list_deliveries, ping_webhook, redeliver
from waybill.webhooks.model import DeliveryStatus, DisabledReason, Event
from waybill.webhooks.service import (
    WebhookChanges,
    WebhookRequest,
    create_webhook,
    delete_webhook,
    get_webhook,
    list_webhooks,
    rotate_webhook_secret,
    update_webhook,
)

_BODY_ERRORS = ("invalid_input", "request_too_large", "unsupported_media_type")


class Webhook(Schema):
    """A URL that receives events."""

    id: WebhookId
    url: str
    events: list[Event]
    description: str | None
    enabled: bool
    disabled_reason: DisabledReason | None = Field(
        description="Why Waybill has disabled the webhook: its receiver returned 410 (GONE), or failed for"
        " days (FAILING)."
    )
    created_at: Time

    @classmethod
    def of(cls, webhook: model.Webhook) -> Self:
        """A document as clients see it."""
        return cls(
            id=webhook.webhook_id,
            url=webhook.url,
            events=webhook.events,
            description=webhook.description,
            enabled=webhook.enabled,
            disabled_reason=webhook.disabled_reason,
            created_at=webhook.created_at,
        )


class Webhooks(Schema):
    """All webhooks of an owner, the oldest first."""

    items: Sequence[Webhook]


class WebhookWithSecret(Schema):
    """A webhook and the secret that signs its messages."""

    webhook: Webhook
    secret: str = Field(
        description="The secret. It is returned only once, so store it for the receiver.",
        examples=["whsec_…"],
    )

    @classmethod
    def of(cls, made: service.WithSecret) -> Self:
        """A use-case's answer as clients see it."""
        return cls(webhook=Webhook.of(made.webhook), secret=made.secret)


class Attempt(Schema):
    """One request to a receiver."""

    at: Time
    status_code: int | None = Field(description="The status of the response; null if there was none.")
    error: str | None = Field(description="Why there was no response.")
    duration_ms: int


class Delivery(Schema):
    """A message to a receiver, and its attempts."""

    id: DeliveryId
    type: str = Field(description="The event, or `ping`.", examples=["file.completed"])
    file_id: FileId | None
    status: DeliveryStatus
    attempts: Sequence[Attempt]
    next_attempt_at: Time | None
    created_at: Time
    delivered_at: Time | None

    @classmethod
    def of(cls, delivery: model.Delivery) -> Self:
        """A document as clients see it."""
        return cls(
            id=delivery.id,
            type=delivery.type,
            file_id=None if delivery.file is None else str(delivery.file),
            status=delivery.status,
            attempts=[Attempt(**dict(attempt)) for attempt in delivery.attempts],
            next_attempt_at=delivery.next_attempt_at,
            created_at=delivery.created_at,
            delivered_at=delivery.delivered_at,
        )


class DeliveryPage(Schema):
    """Some deliveries of a list."""

    items: Sequence[Delivery]
    next_cursor: str | None = Field(description="The cursor of the next page; null on the last page only.")

    @classmethod
    def of(cls, page: deliveries.DeliveryPage) -> Self:
        """A page as clients see it."""
        return cls(items=[Delivery.of(delivery) for delivery in page.items], next_cursor=page.next_cursor)


class DeliveryQuery(QuerySchema, DeliveryListing):
    """The parameters of a list of deliveries."""


@operation(
    "createWebhook",
    tag="webhooks",
    body=WebhookRequest,
    answers={201: WebhookWithSecret},
    errors=(*_BODY_ERRORS, "too_many_webhooks"),
)
async def create_one(request: Request, principal: Principal, webhook_request: WebhookRequest) -> Response:
    """Create a webhook. It receives later events. The response has the secret that signs them."""
    made = await create_webhook(request.state.resources.settings, principal, webhook_request)
    location = {"Location": f"{request.scope['root_path']}/webhooks/{made.webhook.webhook_id}"}
    return json_answer(WebhookWithSecret.of(made), 201, location)


@operation("listWebhooks", tag="webhooks", answers={200: Webhooks}, errors=())
async def list_all(request: Request, principal: Principal) -> Response:
    """List all webhooks, the oldest first."""
    return json_answer(Webhooks(items=[Webhook.of(webhook) for webhook in await list_webhooks(principal)]))


@operation("getWebhook", tag="webhooks", answers={200: Webhook}, errors=("webhook_not_found",))
async def get_one(request: Request, principal: Principal) -> Response:
    """Get one webhook."""
    return json_answer(Webhook.of(await get_webhook(principal, request.path_params["id"])))


@operation(
    "updateWebhook",
    tag="webhooks",
    body=WebhookChanges,
    answers={200: Webhook},
    errors=("webhook_not_found", *_BODY_ERRORS),
)
async def update_one(request: Request, principal: Principal, webhook_changes: WebhookChanges) -> Response:
    """Change a webhook. Safe to repeat."""
    settings, webhook_id = request.state.resources.settings, request.path_params["id"]
    return json_answer(Webhook.of(await update_webhook(settings, principal, webhook_id, webhook_changes)))


@operation("deleteWebhook", tag="webhooks", answers={204: None}, errors=("webhook_not_found",))
async def delete_one(request: Request, principal: Principal) -> Response:
    """Delete a webhook and its deliveries, also those that are not sent yet."""
    await delete_webhook(principal, request.path_params["id"])
    return Response(status_code=204)


@operation(
    "rotateWebhookSecret", tag="webhooks", answers={200: WebhookWithSecret}, errors=("webhook_not_found",)
)
async def rotate_one(request: Request, principal: Principal) -> Response:
    """Get a new secret. For a day the previous secret also signs messages."""
    return json_answer(
        WebhookWithSecret.of(await rotate_webhook_secret(principal, request.path_params["id"]))
    )


@operation(
    "pingWebhook",
    tag="webhooks",
    answers={202: Delivery},
    errors=("webhook_not_found", "webhook_disabled"),
)
async def ping_one(request: Request, principal: Principal) -> Response:
    """Send a test message without an event."""
    delivery = await ping_webhook(request.state.resources, principal, request.path_params["id"])
    return json_answer(Delivery.of(delivery), 202)


@operation(
    "listWebhookDeliveries",
    tag="webhooks",
    query=DeliveryQuery,
    answers={200: DeliveryPage},
    errors=("webhook_not_found", "invalid_input"),
)
async def list_sent(request: Request, principal: Principal, query: DeliveryQuery) -> Response:
    """List the deliveries of a webhook of the last 30 days, the newest first."""
    return json_answer(DeliveryPage.of(await list_deliveries(principal, request.path_params["id"], query)))


@operation(
    "redeliver",
    tag="webhooks",
    answers={202: Delivery},
    errors=("webhook_not_found", "delivery_not_found", "webhook_disabled"),
)
async def redeliver_one(request: Request, principal: Principal) -> Response:
    """Send a message again, unchanged and with the same id."""
    webhook_id, delivery_id = request.path_params["id"], request.path_params["deliveryId"]
    sent = await redeliver(request.state.resources, principal, webhook_id, delivery_id)
    return json_answer(Delivery.of(sent), 202)


WEBHOOK_PATHS: Paths = {
    "/webhooks": {"GET": list_all, "POST": create_one},
    "/webhooks/{id}": {"GET": get_one, "PATCH": update_one, "DELETE": delete_one},
    "/webhooks/{id}/secret": {"POST": rotate_one},
    "/webhooks/{id}/ping": {"POST": ping_one},
    "/webhooks/{id}/deliveries": {"GET": list_sent},
    "/webhooks/{id}/deliveries/{deliveryId}/redeliver": {"POST": redeliver_one},
}
