"""Things of any type by their ids alone, as Relay refetches them."""

import json
from typing import Any

import httpx

from tests.service import Service

NODES = """query($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename id ... on File { name } ... on Webhook { url } ... on WebhookDelivery { type }
    ... on Operation { folder }
  }
}"""
NODE = "query($id: ID!) { node(id: $id) { __typename id ... on File { name } } }"


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables})
    response = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    return response.json()


async def test_a_node_is_a_file_a_webhook_a_delivery_or_an_operation(
    service: Service, client: httpx.AsyncClient, owner: str
) -> None:
    requested = await client.post("/api/v1/files/upload-request", json={"name": "a.txt", "size": 1})
    file_id = requested.json()["file"]["id"]
    created = await client.post("/api/v1/webhooks", json={"url": "http://127.0.0.1:9/"})
    webhook_id = created.json()["webhook"]["id"]
    delivery_id = (await client.post(f"/api/v1/webhooks/{webhook_id}/ping")).json()["id"]
    accepted = await client.post("/api/v1/folders/delete", json={"folder": "none/"})
    operation_id = accepted.json()["id"]
    ids = [
        operation_id,
        delivery_id,
        file_id,
        "6b043f91342f2be4ee3195a4",
        webhook_id,
        "no id",
        file_id.upper(),
    ]
    file = {"__typename": "File", "id": file_id, "name": "a.txt"}
    assert (await ask(client, NODES, ids=ids))["data"]["nodes"] == [
        {"__typename": "Operation", "id": operation_id, "folder": "none/"},
        {"__typename": "WebhookDelivery", "id": delivery_id, "type": "ping"},
        file,
        None,
        {"__typename": "Webhook", "id": webhook_id, "url": "http://127.0.0.1:9/"},
        None,
        file,
    ]
    assert (await ask(client, NODE, id=file_id))["data"]["node"] == file
    assert await ask(client, NODE, id="x") == {"data": {"node": None}}
    async with service.client(f"not-{owner}") as stranger:
        assert (await ask(stranger, NODES, ids=ids))["data"]["nodes"] == [None] * len(ids)
    async with service.client(None) as anonymous:
        assert (await ask(anonymous, NODE, id=file_id))["errors"][0]["extensions"][
            "code"
        ] == "unauthenticated"


async def test_nodes_are_1_to_100(client: httpx.AsyncClient) -> None:
    for ids in ([], ["x"] * 101):
        [error] = (await ask(client, NODES, ids=ids))["errors"]
        assert (error["extensions"]["code"], set(error["extensions"]["fields"])) == ("invalid_input", {"ids"})
