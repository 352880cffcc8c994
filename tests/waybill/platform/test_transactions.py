"""Transactions of one owner run one after the other, and each wait has a limit."""

import asyncio
from typing import Any

import pymongo
import pytest

from waybill.files.model import File
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import transactions
from waybill.platform.mongo.transactions import in_owner_transaction
from waybill.resources import Resources

LIMIT_SECONDS = 0.3


async def test_a_turn_is_waited_for_no_longer_than_its_limit(resources: Resources, owner: str) -> None:
    has_turn, may_end = asyncio.Event(), asyncio.Event()

    async def hold(session: Any) -> None:
        has_turn.set()
        await may_end.wait()

    async def nothing(session: Any) -> str:
        return "done"

    holder = asyncio.create_task(in_owner_transaction(owner, hold))
    await has_turn.wait()
    with pytest.raises(ServiceUnavailable):
        await in_owner_transaction(owner, nothing, within=LIMIT_SECONDS)
    assert not holder.done()
    assert await in_owner_transaction(f"not-{owner}", nothing) == "done"
    may_end.set()
    await holder
    assert await in_owner_transaction(owner, nothing) == "done"


async def test_a_transaction_that_always_meets_another_is_given_up(resources: Resources, owner: str) -> None:
    files = File.get_motor_collection()
    await files.insert_one({"_id": owner})
    attempts = 0

    async def write(session: Any) -> None:
        nonlocal attempts
        attempts += 1
        await files.update_one({"_id": owner}, {"$inc": {"size": 1}}, session=session)

    async with await files.database.client.start_session() as other, other.start_transaction():
        await files.update_one({"_id": owner}, {"$inc": {"size": 1}}, session=other)
        with pytest.raises(ServiceUnavailable):
            await in_owner_transaction(owner, write)
    assert 1 < attempts <= 10
    await in_owner_transaction(owner, write)
    await files.delete_one({"_id": owner})


async def test_what_a_killed_process_has_locked_blocks_no_other_transaction_of_its_owner(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "TRANSACTION_ATTEMPTS", 1000)
    files = File.get_motor_collection()
    await files.insert_many([{"_id": owner}, {"_id": f"other-{owner}"}])
    has_begun = asyncio.Event()

    async def write_locked(session: Any) -> None:
        has_begun.set()
        await files.update_one({"_id": owner}, {"$inc": {"size": 1}}, session=session)

    async def write_other(session: Any) -> None:
        await files.update_one({"_id": f"other-{owner}"}, {"$inc": {"size": 1}}, session=session)

    # MongoDB keeps the transaction of a dead client open.
    async with await files.database.client.start_session() as dead, dead.start_transaction():
        await files.update_one({"_id": owner}, {"$inc": {"size": 1}}, session=dead)
        blocked = asyncio.create_task(in_owner_transaction(owner, write_locked, within=60))
        await has_begun.wait()
        await in_owner_transaction(owner, write_other)
        await dead.abort_transaction()
        await blocked
    await files.delete_many({"_id": {"$in": [owner, f"other-{owner}"]}})


async def test_what_a_cut_off_transaction_has_locked_is_free_at_once(
    resources: Resources, owner: str
) -> None:
    files = File.get_motor_collection()
    await files.insert_one({"_id": owner})

    async def write_and_hang(session: Any) -> None:
        await files.update_one({"_id": owner}, {"$inc": {"size": 1}}, session=session)
        await asyncio.sleep(LIMIT_SECONDS)
        await files.update_one({"_id": owner}, {"$inc": {"size": 1}}, session=session)

    with pytest.raises(ServiceUnavailable):
        await in_owner_transaction(owner, write_and_hang, within=LIMIT_SECONDS)
    # MongoDB would keep the lock for a minute.
    with pymongo.timeout(10):
        await files.update_one({"_id": owner}, {"$set": {"size": 7}})
    await files.delete_one({"_id": owner})
