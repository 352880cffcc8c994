"""A server that is gone, or frozen: a clear answer in time, and nothing lost."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pymongo
import pytest

from stack.stack import Stack
from tests.actors.conftest import key_of
from tests.events import HOOK_SECRET, accepted, minio, notify
from tests.faults.servers import FAULTS, killed
from tests.parity.apis import GraphQLApi, RestApi
from tests.service import Service, running_service
from tests.uploads import purged, put, settled, stored
from tests.waiting import until, wait_until
from tests.watched import BEARER, METRICS_TOKEN, Metrics
from waybill import indexes
from waybill.indexes import DOCUMENTS
from waybill.platform.mongo import connection
from waybill.platform.mongo.connection import ANSWER_TIMEOUT_MS

#: Seconds. Not a measure of speed: a client that waits longer than this would call it a hang.
TIMEOUT_SECONDS = 5


@pytest.fixture(scope="module")
def faulty(own_stack: Stack) -> Iterator[Service]:
    """A Waybill on them."""
    with running_service(own_stack, s3_hook_secret=HOOK_SECRET, metrics_token=METRICS_TOKEN) as running:
        yield running


@pytest.fixture
async def client(faulty: Service, owner: str) -> AsyncIterator[httpx.AsyncClient]:
    async with faulty.client(owner) as opened:
        opened.timeout = httpx.Timeout(TIMEOUT_SECONDS)
        yield opened


async def scraped(client: httpx.AsyncClient) -> Metrics:
    """Return the metrics."""
    return Metrics.of(await client.get("/metrics", headers=BEARER))


async def is_ready(client: httpx.AsyncClient) -> None:
    """Wait until the API reaches all of its servers again."""

    async def serves() -> bool:
        status: str = (await client.get("/readyz")).json()["status"]
        return status == "ok"

    await until(serves, "the API reaches its servers")


@pytest.mark.parametrize("fault", FAULTS)
async def test_without_mongodb_everything_says_try_again(
    own_stack: Stack, client: httpx.AsyncClient, fault: str
) -> None:
    rest, graphql = RestApi(client), GraphQLApi(client)
    uploaded = await stored(rest, b"stored" + fault.encode())
    with FAULTS[fault](own_stack, "mongod"):
        for api in (rest, graphql):
            assert (await api.request(name="a", size=1)).code == "service_unavailable"
            assert (await api.get(uploaded["id"])).code == "service_unavailable"
        response = await client.get("/api/v1/files")
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["mongodb"]) == (503, "unavailable")
        assert (await client.get("/healthz")).status_code == 200
        metrics = await scraped(client)
        assert {name: metrics.get("waybill_up", dependency=name) for name in ("mongodb", "redis")} == {
            "mongodb": 0,
            "redis": 1,
        }
        assert "waybill_files" not in metrics.names
    await is_ready(client)
    assert (await rest.get(uploaded["id"])).data == uploaded


@pytest.mark.parametrize("fault", FAULTS)
async def test_without_the_store_complete_says_try_again_or_goes_on_later(
    own_stack: Stack, client: httpx.AsyncClient, fault: str
) -> None:
    api = RestApi(client)
    content = b"hello" + fault.encode()
    requested = await api.request(name="a", size=len(content))
    assert (await put(requested.data["upload"], content)).status_code == 200
    with FAULTS[fault](own_stack, "seaweedfs"):
        completed = await api.complete(requested.id)
        # A store that refuses connections is unavailable. One that does not answer is slow, and a worker
        # waits for it.
        outcome = (completed.code, (await api.get(requested.id)).data["status"])
        assert outcome == (("service_unavailable", "PENDING") if fault == "killed" else (None, "PROCESSING"))
        assert (await api.request(name="b", size=1)).code is None
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["s3"]) == (503, "unavailable")
        metrics = await scraped(client)
        assert {name: metrics.get("waybill_up", dependency=name) for name in ("s3", "mongodb")} == {
            "s3": 0,
            "mongodb": 1,
        }
    await is_ready(client)
    assert (await api.complete(requested.id)).code is None
    assert (await settled(api, requested.id, seconds=90))["status"] == "COMPLETED"


@pytest.mark.parametrize("server", ["mongod", "seaweedfs"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_an_event_that_met_an_outage_is_to_be_sent_again(
    own_stack: Stack, faulty: Service, client: httpx.AsyncClient, fault: str, server: str
) -> None:
    api = RestApi(client)
    content = f"{fault} {server}".encode()
    requested = await api.request(name="a", size=len(content))
    assert (await put(requested.data["upload"], content)).status_code == 200
    event = minio(faulty.settings.s3_bucket, key_of(requested.data["upload"]))
    with FAULTS[fault](own_stack, server):
        response = await notify(faulty, event)
        assert (response.status_code, response.json()["code"]) == (503, "service_unavailable")
        assert int(response.headers["retry-after"]) > 0
    await is_ready(client)
    await accepted(faulty, event)
    assert (await settled(api, requested.id))["status"] == "COMPLETED"


@pytest.mark.parametrize("fault", FAULTS)
async def test_without_redis_uploads_go_on_and_are_verified_later(
    own_stack: Stack, client: httpx.AsyncClient, fault: str
) -> None:
    api = RestApi(client)
    deleted = await stored(api, b"deleted" + fault.encode())
    content = b"redis" + fault.encode()
    requested = await api.request(name="a", size=len(content))
    assert (await put(requested.data["upload"], content)).status_code == 200
    with FAULTS[fault](own_stack, "valkey"):
        assert (await api.complete(requested.id)).data["status"] == "PROCESSING"
        assert (await api.delete(deleted["id"])).data["deletedAt"] is not None
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["redis"]) == (200, "unavailable")
        metrics = await scraped(client)
        assert metrics.get("waybill_up", dependency="mongodb") == 1
        assert not {"waybill_queue_messages", "waybill_workers", "waybill_dead_letters"} & metrics.names
    assert (await scraped(client)).get("waybill_up", dependency="redis") == 1
    assert (await settled(api, requested.id, seconds=90))["status"] == "COMPLETED"
    await purged(api, deleted["id"], seconds=90)


@pytest.fixture
def limited(own_stack: Stack) -> Iterator[Service]:
    """A Waybill that lets an owner ask once an hour."""
    with running_service(own_stack, rate_limit="1/hour") as running:
        yield running


def test_without_redis_nobody_is_rate_limited(own_stack: Stack, limited: Service) -> None:
    headers = {"Authorization": f"Bearer {limited.token('limited')}"}
    with httpx.Client(base_url=limited.address, headers=headers, timeout=TIMEOUT_SECONDS) as client:
        with killed(own_stack, "valkey"):
            assert [client.get("/api/v1/files").status_code for _ in range(3)] == [200, 200, 200]
        assert "redis unavailable" in limited.api.log.read_text()
        # Valkey is back, and so is the limit.
        wait_until(lambda: client.get("/api/v1/files").status_code == 429, "the limit is back", 10)


async def test_an_index_may_take_longer_than_a_request(own_stack: Stack, faulty: Service) -> None:
    settings = faulty.settings
    url = settings.mongodb_url.get_secret_value()
    async with connection.open_database(url, settings.mongodb_database, DOCUMENTS):
        with pymongo.MongoClient[Any](url) as client:
            # Writes wait.
            client.admin.command("fsync", lock=True)
            try:
                making = asyncio.create_task(indexes.create_indexes())
                await asyncio.sleep(2 * ANSWER_TIMEOUT_MS / 1000)
                assert not making.done()
            finally:
                client.admin.command("fsyncUnlock")
        await making


async def test_a_store_that_dies_under_a_hash_does_not_fail_the_file(
    own_stack: Stack, client: httpx.AsyncClient
) -> None:
    api = RestApi(client)
    content = os.urandom(200 * 1024 * 1024)
    requested = await api.request(name="big", size=len(content))
    assert (await put(requested.data["upload"], content)).status_code == 200
    assert (await api.complete(requested.id)).code is None
    with killed(own_stack, "seaweedfs"):
        pass
    assert (await settled(api, requested.id, seconds=90))["status"] == "COMPLETED"


def test_nothing_is_logged_as_a_defect(faulty: Service) -> None:
    assert "unexpected error" not in faulty.api.log.read_text()
