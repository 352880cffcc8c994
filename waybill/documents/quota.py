"""How much an owner holds, counted exactly.

A file that counts carries the mark ``charged``, and its owner's ``charged`` is the sum of the sizes of all
marked files: both change in one transaction. A file is released by its own mark, whatever the settings are
by then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

import pymongo
from beanie import Document

from waybill.documents.file import File
from waybill.documents.outage import ANSWER_WITHIN, reachable
from waybill.lifecycle import Status

#: Files that are marked at a time where a quota is new.
BATCH = 1000

#: Statuses in which an undeleted file takes, or has reserved, its size.
COUNTED = (Status.PENDING, Status.PROCESSING, Status.COMPLETED)

#: Seconds in which the files of an owner are added up.
LONG_ENOUGH = 10

T = TypeVar("T")

# Transactions of one owner exclude each other: those of one process wait here rather than try again.
_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


class OverQuotaError(Exception):
    """Raised when a file does not fit beside the ``charged`` bytes of its owner's others."""

    def __init__(self, charged: int, quota: int) -> None:
        super().__init__(charged, quota)
        self.charged = charged
        self.quota = quota


class Owner(Document):
    """The bytes of an owner's marked files. ``is_complete`` once all that count are marked."""

    id: str  # type: ignore[assignment]
    charged: int = 0
    is_complete: bool = False

    class Settings:
        name = "owners"
        indexes: ClassVar[list[pymongo.IndexModel]] = []


@dataclass(frozen=True, slots=True)
class Sum:
    """How many files there are, and what they take together."""

    files: int
    size: int


async def sum_sizes(owner: str) -> dict[Status, Sum]:
    """What an owner's undeleted files take, by status."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"owner": owner, "deleted_at": None}},
        {"$group": {"_id": "$status", "files": {"$sum": 1}, "size": {"$sum": "$size"}}},
    ]
    # Takes as long as the owner has files, some three seconds for a million. Each is fetched, whatever the
    # index holds, for MongoDB does not take a null for granted; so by an index in whose order they were
    # stored. By size they lie anywhere, which takes ten times as long once they outgrow MongoDB's cache.
    with reachable(), pymongo.timeout(LONG_ENOUGH):
        found = await File.get_motor_collection().aggregate(pipeline, hint="newest_by_status").to_list(None)
    return {Status(group["_id"]): Sum(group["files"], group["size"]) for group in found}


async def charge(file: File, quota: int, store: Callable[[Any], Awaitable[T]]) -> T:
    """Run ``store(session)``, which stores a marked file, if the owner's quota has room for it.

    Raises:
        OverQuotaError: it has not; nothing was stored.
    """
    await _mark_all(file.owner)

    async def both(session: Any) -> T:
        charged = await _owners().find_one_and_update(
            {"_id": file.owner, "charged": {"$lte": quota - file.size}},
            {"$inc": {"charged": file.size}},
            session=session,
        )
        if charged is None:
            owner = await _owners().find_one({"_id": file.owner}, session=session)
            raise OverQuotaError(owner["charged"], quota)
        return await store(session)

    return await in_turn(file.owner, both)


async def release(owner: str, size: int, session: Any) -> None:
    """Give the bytes of marked files back, in the transaction that takes their marks away."""
    await _owners().update_one({"_id": owner}, {"$inc": {"charged": -size}}, session=session)


async def in_turn(owner: str, body: Callable[[Any], Awaitable[T]], within: float = ANSWER_WITHIN / 1000) -> T:
    """Run ``body(session)`` in a transaction, after those of this owner that this process has begun.

    It may take ``within`` seconds once it has its turn.
    """
    turn = _turns.setdefault(owner, asyncio.Lock())
    async with turn:
        # The driver would try again for two minutes.
        with reachable(), pymongo.timeout(within):
            async with await _owners().database.client.start_session() as session:
                done: T = await session.with_transaction(body)
    return done


async def forget_completeness() -> None:
    """Have every owner's files looked through again: there may be some from a time without a quota."""
    with reachable():
        await _owners().update_many({}, {"$set": {"is_complete": False}})


async def _mark_all(owner: str) -> None:
    """Mark the files that count and are from a time without a quota."""
    with reachable():
        known = await _owners().find_one({"_id": owner})
    while known is None or not known["is_complete"]:
        known = await in_turn(owner, lambda session: _mark_some(owner, session))


async def _mark_some(owner: str, session: Any) -> Any:
    files = File.get_motor_collection()
    counted = {"owner": owner, "deleted_at": None, "status": {"$in": [status.value for status in COUNTED]}}
    found = files.find({**counted, "charged": None}, {"size": 1}, session=session)
    unmarked = await found.to_list(BATCH)
    if unmarked:
        ids = [document["_id"] for document in unmarked]
        await files.update_many({"_id": {"$in": ids}}, {"$set": {"charged": True}}, session=session)
    return await _owners().find_one_and_update(
        {"_id": owner},
        {
            "$inc": {"charged": sum(document["size"] for document in unmarked)},
            "$set": {"is_complete": len(unmarked) < BATCH},
        },
        upsert=True,
        return_document=pymongo.ReturnDocument.AFTER,
        session=session,
    )


def _owners() -> Any:
    return Owner.get_motor_collection()
