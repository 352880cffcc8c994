"""Processes that start while MongoDB, the store or Redis is unavailable."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pymongo
import pytest
import redis

from stack.stack import Child, Stack
from tests.cluster.background_loop import background_loop
from tests.cluster.store_proxy import StoreProxy, running_store_proxy
from tests.faults.load import ready
from tests.faults.servers import frozen, killed
from tests.parity.apis import GraphQLApi, RestApi
from tests.service import Service, free_port, running_service
from tests.uploads import put, settled
from tests.waiting import until

SERVERS = {"mongodb": "mongod", "s3": "seaweedfs", "redis": "valkey"}
USER, PASSWORD = "application", "secret"


@dataclass(frozen=True)
class Production:
    """A service that logs in to its MongoDB, and reaches its store through a proxy."""

    service: Service
    store: StoreProxy

    @property
    def stack(self) -> Stack:
        return self.service.stack


@pytest.fixture(scope="module")
def production(own_stack: Stack) -> Iterator[Production]:
    """A service whose processes are stopped. A test starts them when it has prepared the servers."""
    set_mongodb_user(own_stack, "createUser")
    address = own_stack.addresses.mongodb_url.partition("@")[2]
    public = own_stack.addresses.s3_endpoint_url
    with (
        background_loop() as loop,
        running_store_proxy(loop, public) as store,
        running_service(
            own_stack,
            mongodb_url=f"mongodb://{USER}:{PASSWORD}@{address}",
            s3_endpoint_url=store.address,
            s3_public_endpoint_url=public,
        ) as service,
    ):
        yield Production(service, store)


@pytest.fixture
def stopped(production: Production) -> Production:
    for child in (production.service.api, production.service.worker):
        child.stop()
    return production


@pytest.fixture
async def client(production: Production, owner: str) -> AsyncIterator[httpx.AsyncClient]:
    async with production.service.client(owner) as http:
        yield http


def set_mongodb_user(stack: Stack, command: str) -> None:
    options: dict[str, Any] = {"pwd": PASSWORD, "roles": ["root"]} if command == "createUser" else {}
    with pymongo.MongoClient[Any](stack.addresses.mongodb_url) as client:
        client.admin.command(command, USER, **options)


def set_redis_password(stack: Stack, old: str, new: str) -> None:
    url = stack.addresses.redis_url.replace(stack_password(stack), old)
    with redis.Redis.from_url(url) as client:
        client.config_set("requirepass", new)


def stack_password(stack: Stack) -> str:
    return stack.addresses.redis_url.split("@")[0].rpartition(":")[2]


@contextmanager
def all_killed(production: Production) -> Iterator[None]:
    """Connections are refused."""
    with ExitStack() as faults:
        for name in SERVERS.values():
            faults.enter_context(killed(production.stack, name))
        yield


@contextmanager
def all_frozen(production: Production) -> Iterator[None]:
    """Connections are accepted and nothing is answered."""
    with ExitStack() as faults:
        for name in SERVERS.values():
            faults.enter_context(frozen(production.stack, name))
        yield


@contextmanager
def all_denied(production: Production) -> Iterator[None]:
    """The servers take our credentials for wrong."""
    password = stack_password(production.stack)
    set_mongodb_user(production.stack, "dropUser")
    set_redis_password(production.stack, password, "another")
    try:
        with production.store.injecting(status=403):
            yield
    finally:
        set_redis_password(production.stack, "another", password)
        set_mongodb_user(production.stack, "createUser")


FAULTS: dict[str, Callable[[Production], AbstractContextManager[None]]] = {
    "killed": all_killed,
    "frozen": all_frozen,
    "denied": all_denied,
}


def events(child: Child, event: str) -> list[dict[str, Any]]:
    written = [json.loads(line) for line in child.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in written if line["event"] == event]


def waits_for(worker: Child) -> list[str]:
    return sorted(line["dependency"] for line in events(worker, "waiting for a dependency"))


async def is_alive(process: Child, client: httpx.AsyncClient) -> None:
    """Wait until the API has bound its port."""
    deadline = time.monotonic() + 60
    while True:
        assert process.exit_code() is None, process.exit_report()
        assert time.monotonic() < deadline, "the API does not bind its port"
        try:
            assert (await client.get("/healthz")).status_code == 200
            return
        except httpx.TransportError:
            await asyncio.sleep(0.05)


async def is_ready(process: Child, client: httpx.AsyncClient) -> None:
    """Wait until the API reaches its servers."""
    deadline = time.monotonic() + 60
    while (await client.get("/readyz")).status_code != 200:
        assert time.monotonic() < deadline, process.exit_report()
        await asyncio.sleep(0.05)


async def verifies_a_file(client: httpx.AsyncClient, content: bytes) -> None:
    api = RestApi(client)
    requested = await api.request(name="a", size=len(content))
    assert (await put(requested.data["upload"], content)).status_code == 200
    assert (await api.complete(requested.id)).code is None
    assert (await settled(api, requested.id, seconds=60))["status"] == "COMPLETED"


def told_nothing_as_a_defect(child: Child) -> None:
    text = child.log.read_text()
    assert "Traceback" not in text
    assert "unexpected error" not in text


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_starts_without_its_servers_waits_for_them(
    stopped: Production, client: httpx.AsyncClient, fault: str
) -> None:
    service = stopped.service
    with FAULTS[fault](stopped):
        service.api.restart()
        service.worker.restart()
        await is_alive(service.api, client)
        for api in (RestApi(client), GraphQLApi(client)):
            assert (await api.request(name="a", size=1)).code == "service_unavailable"
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"status": "unavailable", **dict.fromkeys(SERVERS, "unavailable")}
        await until(lambda: len(waits_for(service.worker)) >= 3, "the worker names what it waits for")
        assert not events(service.worker, "worker ready")
    await ready(service)
    await verifies_a_file(client, fault.encode())
    assert waits_for(service.worker) == sorted(SERVERS)
    for child in (service.api, service.worker):
        told_nothing_as_a_defect(child)


async def test_a_store_that_answers_5xx_is_waited_for(stopped: Production, client: httpx.AsyncClient) -> None:
    service = stopped.service
    with stopped.store.injecting(status=503):
        service.api.restart()
        service.worker.restart()
        await is_alive(service.api, client)
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["s3"]) == (503, "unavailable")
        await until(lambda: waits_for(service.worker) == ["s3"], "the worker waits for the store alone")
    await ready(service)
    await verifies_a_file(client, b"5xx")
    told_nothing_as_a_defect(service.worker)


async def test_what_waits_ends_when_it_is_asked_to(stopped: Production, client: httpx.AsyncClient) -> None:
    service = stopped.service
    with all_frozen(stopped):
        service.api.restart()
        service.worker.restart()
        await is_alive(service.api, client)
        await until(lambda: len(waits_for(service.worker)) == 3, "the worker waits")
        for child in (service.api, service.worker):
            child.stop()
            assert child.exit_code() == 0, child.exit_report()


async def test_several_api_processes_wait_too(stopped: Production, client: httpx.AsyncClient) -> None:
    service = stopped.service
    port = free_port()
    command = [sys.executable, "-m", "cli", "api", "--port", str(port), "--processes", "2"]
    address = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=address, timeout=10) as several:
        with killed(stopped.stack, "mongod"):
            process = stopped.stack.spawn("several", command, service.env)
            service.further.append(process)
            await is_alive(process, several)
            assert (await several.get("/readyz")).json()["mongodb"] == "unavailable"
        await is_ready(process, several)
    process.stop()
    told_nothing_as_a_defect(process)
