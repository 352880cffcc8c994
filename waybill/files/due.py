"""Read many files for the sweepers: in batches, and only the fields that are needed."""

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

#: Files in a batch: so many that a round trip costs little, so few that one update takes a moment.
BATCH_FILES = 1000

#: Files of one run. The next runs continue with a longer backlog.
RUN_FILES = 100_000


#: Files that wait for verification or are being verified: the condition of the index ``verifying``.
VERIFYING: Mapping[str, Any] = {"status": Status.PROCESSING.value, "deleted_at": None}

#: Some fields of a file, by their stored names.
Fields = Mapping[str, Any]


def find_expiring(batch: int = BATCH_FILES) -> AsyncGenerator[Sequence[Fields], None]:
    """Yield the fields that ``transition_many`` needs of files whose ``expire_at`` has passed."""
    return _find_past("expire_at", ("owner", "charged"), batch)


def find_due_purges(batch: int = BATCH_FILES) -> AsyncGenerator[Sequence[Fields], None]:
    """Yield files whose purge is due, the longest overdue first."""
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
    """Yield the due verifications of each owner after ``after``, as groups of ``find_groups``."""
    due = {**VERIFYING, "due_at": {"$lte": await database_time()}}
    async for group in find_groups(files_collection(), "owner", after, due, page):
        yield group


async def find_fields(
    ids: Sequence[FileId], expected: Mapping[str, Any], fields: Iterable[str]
) -> Sequence[Fields]:
    """Return some ``fields`` of those files that match ``expected``."""
    with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
        found: list[Fields] = (
            await files_collection().find({"_id": {"$in": ids}, **expected}, list(fields)).to_list(None)
        )
    return found


async def find_due(ids: Sequence[FileId], expected: Mapping[str, Any]) -> Sequence[File]:
    """Return those of some files, up to a thousand, that match ``expected``."""
    with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
        found = await files_collection().find({"_id": {"$in": ids}, **expected}).to_list(None)
    return [file_of(document) for document in found]


async def _find_past(
    field: str, fields: Sequence[str], batch: int, condition: Mapping[str, Any] = MappingProxyType({})
) -> AsyncGenerator[Sequence[Fields], None]:
    # The database's time as a plain value, because $$NOW inside $expr does not bound an index scan.
    query = {field: {"$lte": await database_time()}, **condition}
    # One cursor for all batches. A query for each would return again the files that could not be changed.
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
