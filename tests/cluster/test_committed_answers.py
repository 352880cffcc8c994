"""Answers rest on what a majority of MongoDB's members has: no failover takes one back."""

import asyncio
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.errors import OperationFailure

from stack.ports import LOOPBACK
from tests.cluster.cluster import Cluster
from tests.cluster.replica_set import Member
from tests.parity.apis import Outcome, RestApi
from tests.uploads import put, settled
from tests.waiting import until

#: What MongoDB answers to `replSetStepUp` if the election is lost.
COMMAND_FAILED = 125


async def test_complete_is_not_acknowledged_before_a_majority_has_it(cluster: Cluster, owner: str) -> None:
    mongo = cluster.mongo
    primary, secondaries = mongo.primary(), mongo.secondaries()
    async with cluster.service.client(owner) as client:
        api = RestApi(client)
        requested = await api.request(name="a", size=3)
        assert (await put(requested.data["upload"], b"abc")).status_code == 200
        with mongo.killed(*secondaries):
            first = asyncio.create_task(api.complete(requested.id))
            await _has_alone(primary, cluster, requested.id, "PROCESSING")
            repeat, shown = await asyncio.gather(api.complete(requested.id), api.get(requested.id))
            acknowledged = (await first).code is None
            mongo.kill(primary)
        with mongo.killed(primary):
            await asyncio.to_thread(mongo.wait_for_new_primary, primary)
        await asyncio.to_thread(mongo.wait_until_healthy)
    assert not acknowledged
    assert repeat.code == "service_unavailable", repeat
    # A read does not wait for a majority. It shows the state before, or nothing once the primary gave up.
    assert shown.code == "service_unavailable" or shown.data["status"] == "PENDING"
    async with cluster.service.client(owner) as client:
        api = RestApi(client)
        assert (await api.get(requested.id)).data["status"] == "PENDING"
        assert (await api.complete(requested.id)).code is None
        assert (await settled(api, requested.id))["status"] == "COMPLETED"


async def test_a_new_primary_is_not_asked_before_a_majority_confirms_it(cluster: Cluster, owner: str) -> None:
    mongo = cluster.mongo
    old, (next_primary, other) = mongo.primary(), mongo.secondaries()
    stop = {"configureFailPoint": "stopReplProducer"}
    async with cluster.service.client(owner) as client:
        api = RestApi(client)
        file_id = (await api.request(name="a", size=3)).id
        await asyncio.to_thread(mongo.wait_until_healthy)
        # The other member votes and copies nothing: what the new primary writes is on no majority.
        other.command(stop | {"mode": "alwaysOn"})
        try:
            with mongo.killed(old):
                await until(lambda: _is_elected(next_primary), "the secondary is elected")
                assert (await api.get(file_id)).code == "service_unavailable"
                other.command(stop | {"mode": "off"})
                assert (await _shown(api, file_id)) == "PENDING"
        finally:
            other.command(stop | {"mode": "off"})
        await asyncio.to_thread(mongo.wait_until_healthy)


def _is_elected(member: Member) -> bool:
    """Have a member stand for election. It loses while the voter has not heard how far it has got."""
    try:
        member.command("replSetStepUp", timeout_ms=10_000)
    except OperationFailure as error:
        if error.code != COMMAND_FAILED:
            raise
        return False
    return True


async def _shown(api: RestApi, file_id: str) -> str:
    """The status that is shown when the outage is over."""

    async def answered() -> Outcome | None:
        outcome = await api.get(file_id)
        return None if outcome.code == "service_unavailable" else outcome

    found = await until(answered, "the outage is over")
    status: str = found.data["status"]
    return status


async def _has_alone(member: Member, cluster: Cluster, file_id: str, status: str) -> None:
    """Wait until a member shows a status that no majority has."""
    options: dict[str, Any] = {"directConnection": True, "readConcernLevel": "local"}
    with pymongo.MongoClient[Any](LOOPBACK, member.port, **options) as client:
        files = client[cluster.service.settings.mongodb_database].files
        wanted = {"_id": ObjectId(file_id), "status": status}
        await until(lambda: files.count_documents(wanted), f"{member.address} alone has {status}", 30)
