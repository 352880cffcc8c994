"""Quotas: count exactly how many bytes an owner has reserved.

A file that counts carries the mark ``charged``, and its owner's ``charged`` is the sum of the sizes of all
marked files: both change in one transaction. A file is released by its own mark, with any settings. Files
from a time without a quota are marked at the owner's next upload-request if they are few, and by the walk
(``walk.py``) if they are many.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

import pymongo
from beanie import Document

from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.usage.laps import ask_for_lap
from waybill.platform.mongo.connection import BATCH_TIMEOUT_SECONDS
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.transactions import in_owner_transaction

#: The most files of an owner that an upload-request looks through, once. The walk marks more.
LOOK_FILES = 500

#: Files that one transaction marks. Other changes of the owner's sum wait for it, about 10 ms.
MARK_FILES = 200

#: Statuses in which an undeleted file uses or reserves storage.
COUNTED = (Status.PENDING, Status.PROCESSING, Status.COMPLETED)


T = TypeVar("T")


class OverQuotaError(Exception):
    """Raised when a quota has no room for a file. The owner's other files have ``charged`` bytes."""

    def __init__(self, charged: int, quota: int) -> None:
        super().__init__(charged, quota)
        self.charged = charged
        self.quota = quota


class Owner(Document):
    """The bytes of an owner's marked files.

    ``is_looked_through``: an upload-request need not look for unmarked files, because there are none, or
    because there are many, which is ``is_left_to_walk``. ``is_complete`` is for older releases: without it
    they would look through all files of an owner.
    """

    id: str  # type: ignore[assignment]
    charged: int = 0
    is_looked_through: bool | None = None
    is_left_to_walk: bool | None = None
    is_complete: bool = True

    class Settings:
        name = "owners"
        indexes: ClassVar[list[pymongo.IndexModel]] = []


async def charge(file: File, quota: int, store: Callable[[Any], Awaitable[T]]) -> T:
    """Run ``store(session)``, which stores a marked file, if the owner's quota has room for the file.

    Raises:
        OverQuotaError: the quota has no room; nothing was stored.
    """
    await _look_through(file.owner)

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

    return await in_owner_transaction(file.owner, both)


async def release(owner: str, size: int, session: Any) -> None:
    """Subtract the bytes of marked files, in the transaction that removes their marks."""
    await _owners().update_one({"_id": owner}, {"$inc": {"charged": -size}}, session=session)


async def look_again() -> None:
    """Look through every owner's files again, because some may be from a time without a quota."""
    with map_driver_errors():
        await _owners().update_many({"is_looked_through": True}, {"$unset": {"is_looked_through": 1}})


def needs_mark(file: Mapping[str, Any]) -> bool:
    """Return whether a stored file counts and is not marked."""
    return file["status"] in COUNTED and file.get("deleted_at") is None and not file.get("charged")


async def mark_left(files: Sequence[Mapping[str, Any]]) -> None:
    """Mark those files whose owners have too many for an upload-request to look through."""
    owners = list({file["owner"] for file in files})
    with map_driver_errors():
        found = (
            await _owners().find({"_id": {"$in": owners}, "is_left_to_walk": True}, {"_id": 1}).to_list(None)
        )
    left = {owner["_id"] for owner in found}
    await _mark_each([file for file in files if file["owner"] in left])


async def _mark_each(files: Sequence[Mapping[str, Any]]) -> None:
    """Mark those files that still count and are not marked. Of each its ``_id`` and ``owner`` are needed."""
    by_owner: dict[str, list[Any]] = defaultdict(list)
    for file in files:
        by_owner[file["owner"]].append(file["_id"])
    for owner, ids in by_owner.items():
        for start in range(0, len(ids), MARK_FILES):
            few = ids[start : start + MARK_FILES]
            await in_owner_transaction(owner, partial(_mark, owner, few), within=BATCH_TIMEOUT_SECONDS)


async def _mark(owner: str, ids: Sequence[Any], session: Any) -> None:
    # Write the owner first, so that conflicting transactions are the ones that retry. Otherwise a stream of
    # upload-requests would never let a transaction of this length commit.
    await _owners().update_one(
        {"_id": owner},
        {"$currentDate": {"marked_at": True}, "$setOnInsert": {"charged": 0, "is_complete": True}},
        upsert=True,
        session=session,
    )
    files = File.get_motor_collection()
    unmarked = {"_id": {"$in": ids}, **_counted(owner), "charged": None}
    found = await files.find(unmarked, {"size": 1}, session=session).to_list(None)
    if found:
        these = {"_id": {"$in": [file["_id"] for file in found]}}
        await files.update_many(these, {"$set": {"charged": True}}, session=session)
        size = sum(file["size"] for file in found)
        await _owners().update_one({"_id": owner}, {"$inc": {"charged": size}}, session=session)


async def _look_through(owner: str) -> None:
    """Mark an owner's files from a time without a quota, if they are few. Does bounded work."""
    with map_driver_errors():
        if await _owners().find_one({"_id": owner, "is_looked_through": True}, {"_id": 1}):
            return
        look = File.get_motor_collection().find(_counted(owner), ["owner", "status", "charged"])
        found = await look.hint("newest_by_status").limit(LOOK_FILES + 1).to_list(None)
    is_large = len(found) > LOOK_FILES
    if not is_large:
        await _mark_each([file for file in found if needs_mark(file)])
    looked = {"is_looked_through": True, "is_left_to_walk": is_large, "is_complete": True}
    with map_driver_errors():
        await _owners().update_one(
            {"_id": owner}, {"$set": looked, "$setOnInsert": {"charged": 0}}, upsert=True
        )
    if is_large:
        # After a crash before this line the next lap begins within a day.
        await ask_for_lap()


def _counted(owner: str) -> dict[str, Any]:
    return {"owner": owner, "deleted_at": None, "status": {"$in": [status.value for status in COUNTED]}}


def _owners() -> Any:
    return Owner.get_motor_collection()
