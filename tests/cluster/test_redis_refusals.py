"""A Redis that answers and refuses: named while it lasts, and work goes on by itself when it is over."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import redis

from stack.binaries import find_valkey
from stack.ports import LOOPBACK
from stack.stack import Stack
from tests.actors.conftest import suspended
from tests.cluster.background_loop import BackgroundLoop
from tests.cluster.sentinels import NAME, Sentinels, running_sentinels
from tests.cluster.valkey_pair import PASSWORD, Valkey, ValkeyPair, running_valkey_pair
from tests.forking import run_command
from tests.parity.apis import RestApi
from tests.service import Service, free_port, running_service
from tests.uploads import put, settled
from tests.waiting import until, wait_until, watch
from tests.watched import BEARER, METRICS_TOKEN, Metrics
from waybill.platform.redis.messages import sent_channel

#: Seconds. A client that waits longer for an answer would call it a hang.
PATIENCE_SECONDS = 5


@pytest.fixture(scope="module")
def pair(
    stack: Stack, relays: BackgroundLoop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ValkeyPair]:
    with running_valkey_pair(stack, relays, tmp_path_factory.mktemp("refusing")) as running:
        yield running


@pytest.fixture(scope="module")
def service(stack: Stack, pair: ValkeyPair) -> Iterator[Service]:
    """A Waybill whose Redis is a pair that can be failed over."""
    with running_service(stack, redis_url=pair.url, metrics_token=METRICS_TOKEN) as running:
        yield running


@pytest.fixture
async def client(service: Service, owner: str) -> AsyncIterator[httpx.AsyncClient]:
    async with service.client(owner) as opened:
        opened.timeout = httpx.Timeout(PATIENCE_SECONDS)
        yield opened


async def sent(api: RestApi, content: bytes) -> str:
    """A file whose bytes are in the store and which is not completed."""
    requested = await api.request(name="a", size=len(content))
    assert (await put(requested.data["upload"], content)).status_code == 200
    return requested.id


def listeners(server: Valkey) -> int:
    """How many workers a server counts that listen for jobs."""
    with server.client() as direct:
        ((_, number),) = direct.pubsub_numsub(sent_channel("dramatiq", 0))
        return int(number)


def command(service: Service, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    env = {**service.env, **{f"WAYBILL_{name.upper()}": value for name, value in changes.items()}}
    return run_command(*arguments, env=env)


def complaints(service: Service) -> list[str]:
    """What `waybill doctor` finds wrong with Redis."""
    result = command(service, "doctor")
    assert "Traceback" not in result.stderr
    return [line for line in result.stdout.splitlines() if line.startswith("FAIL") and "Redis" in line]


async def is_up(client: httpx.AsyncClient) -> float:
    metrics = Metrics.of(await client.get("/metrics", headers=BEARER))
    return metrics.get("waybill_up", dependency="redis")


async def readiness(client: httpx.AsyncClient) -> tuple[int, str]:
    ready = await client.get("/readyz")
    return ready.status_code, ready.json()["redis"]


async def test_a_redis_that_takes_no_writes_is_named_and_work_goes_on_later(
    service: Service, client: httpx.AsyncClient, pair: ValkeyPair
) -> None:
    api = RestApi(client)
    for refuses, words in ((pair.full, "full"), (pair.read_only, "replica")):
        files = [await sent(api, f"{words} {number}".encode()) for number in range(5)]
        with refuses():
            for file_id in files:
                assert (await api.complete(file_id)).data["status"] == "PROCESSING"
            assert await readiness(client) == (200, "unavailable")
            assert await is_up(client) == 0
            found = complaints(service)
            assert found
            assert words in found[0]
            if refuses is pair.read_only:
                await until(
                    lambda: "no jobs are fetched" in service.worker.log.read_text(), "the worker says so"
                )
        for file_id in files:
            assert (await settled(api, file_id, seconds=90))["status"] == "COMPLETED"
        assert await readiness(client) == (200, "ok")
        assert await is_up(client) == 1
        pair.wait_until_healthy()
    assert "Traceback" not in service.worker.log.read_text()


async def test_a_full_redis_lets_workers_make_room(
    service: Service, client: httpx.AsyncClient, pair: ValkeyPair
) -> None:
    api = RestApi(client)
    files = [await sent(api, b"room %d" % number) for number in range(5)]
    with suspended(service):
        for file_id in files:
            await api.complete(file_id)
        with pair.full():
            os.kill(service.worker.pid, signal.SIGCONT)
            for file_id in files:
                assert (await settled(api, file_id))["status"] == "COMPLETED"


async def test_while_redis_is_frozen_no_request_waits_long(
    service: Service, client: httpx.AsyncClient, pair: ValkeyPair
) -> None:
    api = RestApi(client)
    files = [await sent(api, b"frozen %d" % number) for number in range(40)]
    with pair.frozen():
        answers = await asyncio.gather(*(api.complete(file_id) for file_id in files))
        assert {answer.data["status"] for answer in answers} == {"PROCESSING"}
    for file_id in files:
        assert (await settled(api, file_id, seconds=90))["status"] == "COMPLETED"


async def test_an_empty_redis_in_its_place_is_made_use_of(
    client: httpx.AsyncClient, pair: ValkeyPair
) -> None:
    api = RestApi(client)
    file_id = await sent(api, b"empty")
    with pair.killed(empty=True):
        pass
    await api.complete(file_id)
    assert (await settled(api, file_id, seconds=90))["status"] == "COMPLETED"
    pair.wait_until_healthy()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_doctor_refuses_a_redis_that_evicts(service: Service, pair: ValkeyPair, policy: str) -> None:
    with pair.evicting(policy):
        [complaint] = complaints(service)
    assert f"maxmemory-policy is {policy}" in complaint
    assert "noeviction" in complaint


#: Run in a process of its own, because importing the actors declares them.
CONSUMER = """
from dramatiq import Message
from dramatiq.errors import ConnectionClosed
from actors.broker import broker

def is_an_outage(call, *arguments):
    try:
        call(*arguments)
    except ConnectionClosed:
        return True

for _ in range(2):
    broker.enqueue(Message("alone", "nothing", (), {}, {}))
consumer = broker.consume("alone", prefetch=2)
first, second = next(consumer), next(consumer)
broker.client.execute_command("REPLICAOF", "127.0.0.1", "1")
assert next(consumer) is None
assert is_an_outage(consumer.ack, first)
assert is_an_outage(consumer.requeue, [second])
assert is_an_outage(broker.enqueue, second)
broker.client.execute_command("REPLICAOF", "NO", "ONE")
consumer.ack(first)
consumer.requeue([second])
assert next(consumer).message_id == second.message_id
broker.do_purge("alone")
"""


def test_dramatiq_takes_a_refusal_for_an_outage(service: Service, pair: ValkeyPair) -> None:
    # It repeats an acknowledgement and ends a stop in order after an outage alone.
    subprocess.run([sys.executable, "-c", CONSUMER], check=True, env=dict(service.env), timeout=60)
    pair.wait_until_healthy()


async def test_after_a_failover_work_goes_on_though_the_old_primary_lives(
    service: Service, client: httpx.AsyncClient, pair: ValkeyPair
) -> None:
    api = RestApi(client)
    files = [await sent(api, b"failover %d" % number) for number in range(5)]
    pair.wait_until_healthy()
    pair.fail_over()
    for file_id in files:
        assert (await api.complete(file_id)).data["status"] == "PROCESSING"
    for file_id in files:
        assert (await settled(api, file_id, seconds=60))["status"] == "COMPLETED"
    assert await readiness(client) == (200, "ok")
    assert await is_up(client) == 1
    assert complaints(service) == []
    await until(lambda: listeners(pair.primary) == 1, "the worker listens to the new primary")
    assert "Traceback" not in service.worker.log.read_text()


@pytest.fixture
def sentinels(stack: Stack, own_valkey_pair: ValkeyPair, tmp_path: Path) -> Iterator[Sentinels]:
    with running_sentinels(stack, own_valkey_pair, tmp_path) as running:
        yield running


@pytest.fixture
def guarded(stack: Stack, sentinels: Sentinels) -> Iterator[Service]:
    """A Waybill that asks Sentinels for the primary."""
    url = f"redis+sentinel://:{PASSWORD}@{sentinels.addresses}/{NAME}/0"
    with running_service(stack, redis_url=url, rate_limit="1000/second") as running:
        yield running


@pytest.mark.parametrize("loses", ["its role", "its life"])
async def test_sentinels_are_asked_for_the_primary(
    guarded: Service, sentinels: Sentinels, owner: str, loses: str
) -> None:
    pair = sentinels.pair
    async with guarded.client(owner) as client:
        api = RestApi(client)
        before, after = await sent(api, b"before"), await sent(api, b"after")
        await api.complete(before)
        assert (await settled(api, before))["status"] == "COMPLETED"
        pair.wait_until_healthy()
        if loses == "its role":
            sentinels.fail_over()
        else:
            old = pair.primary
            old.child.kill()
            sentinels.wait_for_new_primary(old)
        await api.complete(after)
        assert (await settled(api, after, seconds=90))["status"] == "COMPLETED"
        assert (await client.get("/readyz")).json()["redis"] == "ok"
    await until(lambda: listeners(pair.primary) == 1, "the worker listens to the new primary")


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture
def node(stack: Stack, tmp_path: Path) -> Iterator[str]:
    """The address of a node of a Redis Cluster."""
    watch(stack)
    port, bus = free_port(), free_port()
    argv = [str(find_valkey()), "--bind", LOOPBACK, "--port", str(port), "--dir", str(tmp_path), "--save", ""]
    # By default the bus is at the port plus 10,000, which a connection may hold.
    argv += ["--cluster-enabled", "yes", "--cluster-port", str(bus)]
    child = stack.spawn(f"node-{port}", argv, grace=1)
    try:
        with redis.Redis(host=LOOPBACK, port=port) as direct:
            wait_until(lambda: answers(direct), "the node answers")
        yield f"redis://{LOOPBACK}:{port}/0"
    finally:
        child.stop()


@pytest.mark.parametrize("part", ["api", "worker", "init", "doctor"])
def test_a_redis_cluster_is_refused_in_one_sentence(service: Service, node: str, part: str) -> None:
    options = ["--port", str(free_port())] if part == "api" else []
    result = command(service, part, *options, redis_url=node)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    said = result.stdout if part == "doctor" else result.stderr
    assert [line for line in said.splitlines() if "Redis Cluster is not supported" in line]
