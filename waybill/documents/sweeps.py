"""Reading many files for the sweepers: in batches, no more of each than is needed."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any

import pymongo

from waybill.documents.database import collection, database_time
from waybill.documents.file import FileId
from waybill.documents.outage import reachable
from waybill.documents.quota import LONG_ENOUGH

#: Files in a batch: enough for a round trip to cost next to nothing, few enough to be changed in a moment.
BATCH = 1000

#: Files of one run. A longer backlog is worked off by the runs that follow.
RUN = 100_000

#: Some fields of a file, under the names that they are stored by.
Fields = Mapping[str, Any]


def find_expiring(batch: int = BATCH) -> AsyncGenerator[Sequence[Fields], None]:
    """Files whose ``expire_at`` has passed, the longest overdue first: what ``transition_many`` asks for."""
    return _find_past("expire_at", ("owner", "charged"), batch)


def find_due(batch: int = BATCH) -> AsyncGenerator[Sequence[Fields], None]:
    """Files whose ``due_at`` has passed, the longest overdue first: what tells the job that each is owed."""
    return _find_past("due_at", ("status", "purge_at"), batch)


async def find_fields(
    ids: Sequence[FileId], expected: Mapping[str, Any], fields: Iterable[str]
) -> Sequence[Fields]:
    """Of those files that are as ``expected``, the ``fields`` that they have."""
    with reachable(), pymongo.timeout(LONG_ENOUGH):
        found: list[Fields] = (
            await collection().find({"_id": {"$in": ids}, **expected}, list(fields)).to_list(None)
        )
    return found


async def _find_past(field: str, fields: Sequence[str], batch: int) -> AsyncGenerator[Sequence[Fields], None]:
    # The database's time as a plain value, for $$NOW inside $expr gives an index scan no bound.
    query = {field: {"$lte": await database_time()}}
    # One cursor for all batches: a query for each would find again what the one before could not change.
    cursor = collection().find(query, list(fields), batch_size=batch).sort(field, 1).limit(RUN)
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
