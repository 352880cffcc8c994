"""Reading many files for the sweepers: in batches, no more of each than is needed."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pymongo

from waybill.files.lifecycle import Status
from waybill.files.model import File, FileId
from waybill.files.repository import file_of
from waybill.platform.mongo.connection import BATCH_TIMEOUT_SECONDS, database_time, files_collection
from waybill.platform.mongo.due_groups import PAGE_DOCUMENTS, Group, find_groups
from waybill.platform.mongo.errors import map_driver_errors

#: Files in a batch: enough for a round trip to cost next to nothing, few enough to be changed in a moment.
BATCH_FILES = 1000

#: Files of one run. A longer backlog is worked off by the runs that follow.
RUN_FILES = 100_000


#: Waiting for its verification, or being verified: the condition of the index ``verifying``.
VERIFYING: Mapping[str, Any] = {"status": Status.PROCESSING.value, "deleted_at": None}

#: Some fields of a file, under the names that they are stored by.
Fields = Mapping[str, Any]


def find_expiring(batch: int = BATCH_FILES) -> AsyncGenerator[Sequence[Fields], None]:
    """Files whose ``expire_at`` has passed, the longest overdue first: what ``transition_many`` asks for."""
    return _find_past("expire_at", ("owner", "charged"), batch)


def find_due_purges(batch: int = BATCH_FILES) -> AsyncGenerator[Sequence[Fields], None]:
    """Files whose purge is due, the longest overdue first."""
    return _find_past("due_at", (), batch, {"purge_at": {"$exists": True}})


async def find_due_verifications(owner: str, *, except_for: Iterable[str] = (), limit: int) -> list[FileId]:
    """Find an owner's files whose verification is due, the longest due first.

    Args:
        owner: whose files.
        except_for: ids of files to leave out.
        limit: the most ids to return.
    """
    ids = [FileId(file_id) for file_id in except_for]
    query = {"owner": owner, **VERIFYING, "due_at": {"$lte": await database_time()}, "_id": {"$nin": ids}}
    with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
        found = await files_collection().find(query, {"_id": 1}).sort("due_at", 1).limit(limit).to_list(limit)
    return [file["_id"] for file in found]


async def find_due_owners(after: str, page: int = PAGE_DOCUMENTS) -> AsyncGenerator[Group[str], None]:
    """Yield the due verifications of each owner behind ``after``, as ``find_groups`` does."""
    due = {**VERIFYING, "due_at": {"$lte": await database_time()}}
    async for group in find_groups(files_collection(), "owner", after, due, page):
        yield group


async def find_fields(
    ids: Sequence[FileId], expected: Mapping[str, Any], fields: Iterable[str]
) -> Sequence[Fields]:
    """Of those files that are as ``expected``, the ``fields`` that they have."""
    with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
        found: list[Fields] = (
            await files_collection().find({"_id": {"$in": ids}, **expected}, list(fields)).to_list(None)
        )
    return found


async def find_due(ids: Sequence[FileId], expected: Mapping[str, Any]) -> Sequence[File]:
    """Return those of some files, up to a thousand, that are as ``expected``."""
    with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
        found = await files_collection().find({"_id": {"$in": ids}, **expected}).to_list(None)
    return [file_of(document) for document in found]


async def _find_past(
    field: str, fields: Sequence[str], batch: int, condition: Mapping[str, Any] = MappingProxyType({})
) -> AsyncGenerator[Sequence[Fields], None]:
    # The database's time as a plain value, for $$NOW inside $expr gives an index scan no bound.
    query = {field: {"$lte": await database_time()}, **condition}
    # One cursor for all batches: a query for each would find again what the one before could not change.
    cursor = (
        files_collection().find(query, ["_id", *fields], batch_size=batch).sort(field, 1).limit(RUN_FILES)
    )
    try:
        while True:
            with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
                found = await cursor.to_list(batch)
            if not found:
                return
            yield found
    finally:
        with map_driver_errors():
            await cursor.close()
