"""Reading many files for the sweepers: in batches, no more of each than is needed."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import pymongo

from waybill.documents.database import collection, database_time
from waybill.documents.file import FileId
from waybill.documents.outage import reachable
from waybill.documents.quota import LONG_ENOUGH
from waybill.lifecycle import Status

#: Files in a batch: enough for a round trip to cost next to nothing, few enough to be changed in a moment.
BATCH = 1000

#: Files of one run. A longer backlog is worked off by the runs that follow.
RUN = 100_000

#: Documents that are read at a time on the way from owner to owner.
PAGE = 256

#: Waiting for its verification, or being verified: the condition of the index ``verifying``.
VERIFYING: Mapping[str, Any] = {"status": Status.PROCESSING.value, "deleted_at": None}

#: Some fields of a file, under the names that they are stored by.
Fields = Mapping[str, Any]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """Some documents that are due and have one field in common; whether there may be more of them."""

    key: T
    ids: Sequence[Any]
    has_more: bool


def find_expiring(batch: int = BATCH) -> AsyncGenerator[Sequence[Fields], None]:
    """Files whose ``expire_at`` has passed, the longest overdue first: what ``transition_many`` asks for."""
    return _find_past("expire_at", ("owner", "charged"), batch)


def find_due_purges(batch: int = BATCH) -> AsyncGenerator[Sequence[Fields], None]:
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
    with reachable(), pymongo.timeout(LONG_ENOUGH):
        found = await collection().find(query, {"_id": 1}).sort("due_at", 1).limit(limit).to_list(limit)
    return [file["_id"] for file in found]


async def find_due_owners(after: str, page: int = PAGE) -> AsyncGenerator[Group[str], None]:
    """Yield the due verifications of each owner behind ``after``, as ``find_groups`` does."""
    due = {**VERIFYING, "due_at": {"$lte": await database_time()}}
    async for group in find_groups(collection(), "owner", after, due, page):
        yield group


async def find_groups(
    documents: Any, field: str, after: T, due: Mapping[str, Any], page: int
) -> AsyncGenerator[Group[T], None]:
    """Yield documents that are due, group by group, from an index of ``field`` and ``due_at``.

    A page of the index is read at a time, and a group that fills a page is left after it. So the work grows
    with the number of groups and not with the longest of them.

    Args:
        documents: the driver's collection.
        field: what the documents of a group have in common.
        after: the value of ``field`` to begin behind.
        due: the condition.
        page: documents to read at a time.

    Yields:
        Groups in the order of ``field``, each with up to ``page`` ids, the longest due first.
    """
    while True:
        query = {field: {"$gt": after}, **due}
        with reachable(), pymongo.timeout(LONG_ENOUGH):
            # With a limit, or the driver fetches all that fits into 16 MB after the first hundred.
            cursor = documents.find(query, [field]).sort([(field, 1), ("due_at", 1)]).limit(page)
            found = await cursor.to_list(page)
        groups = [(key, [each["_id"] for each in group]) for key, group in groupby(found, itemgetter(field))]
        is_full = len(found) == page
        # A page may end amid its last group, with which the next page begins.
        if is_full and len(groups) > 1:
            groups.pop()
        for key, ids in groups:
            yield Group(key, ids, has_more=len(ids) == page)
            after = key
        if not is_full:
            return


async def find_fields(
    ids: Sequence[FileId], expected: Mapping[str, Any], fields: Iterable[str]
) -> Sequence[Fields]:
    """Of those files that are as ``expected``, the ``fields`` that they have."""
    with reachable(), pymongo.timeout(LONG_ENOUGH):
        found: list[Fields] = (
            await collection().find({"_id": {"$in": ids}, **expected}, list(fields)).to_list(None)
        )
    return found


async def _find_past(
    field: str, fields: Sequence[str], batch: int, condition: Mapping[str, Any] = MappingProxyType({})
) -> AsyncGenerator[Sequence[Fields], None]:
    # The database's time as a plain value, for $$NOW inside $expr gives an index scan no bound.
    query = {field: {"$lte": await database_time()}, **condition}
    # One cursor for all batches: a query for each would find again what the one before could not change.
    cursor = collection().find(query, ["_id", *fields], batch_size=batch).sort(field, 1).limit(RUN)
    try:
        while True:
            with reachable(), pymongo.timeout(LONG_ENOUGH):
                found = await cursor.to_list(batch)
            if not found:
                return
            yield found
    finally:
        with reachable():
            await cursor.close()
