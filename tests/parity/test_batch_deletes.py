"""A batch of deletes costs one message and one request to the store."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.cluster.background_loop import background_loop
from tests.cluster.store_proxy import StoreProxy, running_store_proxy
from tests.parity.apis import RestApi
from tests.service import Service, running_service
from tests.uploads import purged


@pytest.fixture
def store(stack: Stack) -> Iterator[StoreProxy]:
    with background_loop() as loop, running_store_proxy(loop, stack.addresses.s3_endpoint_url) as running:
        yield running


@pytest.fixture
def proxied(stack: Stack, store: StoreProxy) -> Iterator[Service]:
    """A Waybill that reaches the store through a proxy."""
    with running_service(stack, s3_endpoint_url=store.address) as running:
        yield running


async def test_a_hundred_deletes_are_one_job_and_one_request(
    proxied: Service, store: StoreProxy, owner: str
) -> None:
    async with proxied.client(owner) as client:
        api = RestApi(client)
        requested = await asyncio.gather(*(api.request(name=f"{n}", size=1) for n in range(100)))
        ids = [each.id for each in requested]
        answer = await client.post("/api/v1/files/batch/delete", json={"ids": [*ids, ids[0]][:100]})
        assert answer.status_code == 200
        for file_id in ids:
            await purged(api, file_id)
    log = proxied.worker.log.read_text()
    done = [line for line in map(json.loads, log.splitlines()) if line["event"] == "job done"]
    assert len([line for line in done if line["actor"] == "purge_object"]) == 1
    assert [method for method, path, _ in store.seen if path.endswith("?delete")] == ["POST"]
