"""The test bed itself: its faults happen."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pymongo
import pytest
import redis

from stack.stack import Stack
from tests.cluster.cluster import Cluster
from tests.cluster.sentinels import running_sentinels
from tests.cluster.valkey_pair import ValkeyPair
from tests.parity.apis import RestApi
from tests.uploads import stored


async def test_files_are_verified_by_either_half(cluster: Cluster, owner: str) -> None:
    for number, service in enumerate(cluster.services):
        async with service.client(owner) as client:
            assert (await stored(RestApi(client), b"%d" % number))["status"] == "COMPLETED"


def test_an_isolated_primary_gives_up_and_clients_still_reach_it(cluster: Cluster) -> None:
    mongo = cluster.mongo
    old = mongo.primary()
    with mongo.isolated(old):
        new = mongo.wait_for_new_primary(old)
        with pymongo.MongoClient[dict[str, Any]](
            old.address.split(":")[0], old.relay.port, directConnection=True
        ) as client:
            assert client.admin.command("hello")["me"] == old.address
    mongo.wait_until_healthy()
    assert new.hello()["isWritablePrimary"]


def test_connections_stay_with_a_valkey_that_was_failed_over(cluster: Cluster) -> None:
    valkey = cluster.valkey
    with redis.Redis.from_url(valkey.url) as before, redis.Redis.from_url(valkey.url) as after:
        before.set("bed", 1)
        valkey.wait_until_healthy()
        valkey.fail_over()
        with pytest.raises(redis.ReadOnlyError):
            before.set("bed", 2)
        after.set("bed", 3)
        # And back, for the tests that follow.
        valkey.wait_until_healthy()
        valkey.fail_over()
    valkey.wait_until_healthy()


def test_a_valkey_refuses_writes_while_it_is_full_or_read_only(cluster: Cluster) -> None:
    valkey = cluster.valkey
    with redis.Redis.from_url(valkey.url) as client:
        with valkey.full(), pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("bed", 1)
        with valkey.read_only(), pytest.raises(redis.ReadOnlyError):
            client.set("bed", 1)
        client.set("bed", 1)
    valkey.wait_until_healthy()


def test_sentinels_fail_a_pair_over(own_valkey_pair: ValkeyPair, stack: Stack, tmp_path: Path) -> None:
    old = own_valkey_pair.primary
    with running_sentinels(stack, own_valkey_pair, tmp_path) as sentinels:
        sentinels.fail_over()
        assert own_valkey_pair.primary is not old
        own_valkey_pair.wait_until_healthy()


async def test_the_store_answers_as_a_test_wants_it_to(cluster: Cluster, owner: str) -> None:
    store = cluster.store
    before = store.injected.copy()
    bucket = f"{store.address}/{cluster.service.settings.s3_bucket}/"
    async with httpx.AsyncClient(timeout=1) as client:
        with store.injecting("GET", status=429):
            answer = await client.get(bucket)
            assert (answer.status_code, "<Code>TooManyRequests</Code>" in answer.text) == (429, True)
            assert (await client.head(bucket)).status_code != 429
        with store.injecting("GET", cut_at=0.5), pytest.raises(httpx.RemoteProtocolError):
            await client.get(bucket)
        with store.injecting(closes=True), pytest.raises(httpx.RemoteProtocolError):
            await client.get(bucket)
        with store.injecting(path="/", is_silent=True), pytest.raises(httpx.ReadTimeout):
            await client.get(bucket)
        started = asyncio.get_running_loop().time()
        with store.injecting(delay_ms=200):
            await client.get(bucket)
        assert asyncio.get_running_loop().time() - started >= 0.2
    assert store.injected["GET"] - before["GET"] >= 5
    assert cluster.store.requests["GET"] >= store.injected["GET"]
