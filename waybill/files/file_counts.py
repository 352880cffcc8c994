"""Cached counts of all files by status.

A count reads a whole index, which takes a second for each million files. Readers therefore get the latest
count, and a new one is made in the background if it is stale.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pymongo
from pymongo.errors import DuplicateKeyError

from waybill.files.lifecycle import Status
from waybill.files.usage.sums import Sum
from waybill.platform.mongo.connection import database_time, files_collection
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.expressions import NOW, InSeconds, stages

#: Seconds between two counts, and the least pause as a multiple of the time that a count took. So counting
#: takes at most a hundredth of MongoDB's time, with any number of files.
INTERVAL_SECONDS = 60
PAUSE_FACTOR = 100

#: Seconds after which a count is cancelled.
COUNT_TIMEOUT_SECONDS = 600

#: The undeleted files by status, from an index alone. With a hint and no condition MongoDB scans the whole
#: index, and this partial index contains undeleted files only. A condition on ``deleted_at`` would fetch each
#: file, because an index cannot distinguish null from a missing field.
INDEX = "largest"
PIPELINE: list[dict[str, Any]] = [
    {"$group": {"_id": "$status", "files": {"$sum": 1}, "size": {"$sum": "$size"}}},
]

_ID = "files"


async def latest_counts() -> Mapping[Status, Sum] | None:
    """Return the latest counts of undeleted files by status, or None before the first count."""
    with map_driver_errors():
        found = await _counts().find_one({"_id": _ID})
    return None if found is None or "statuses" not in found else _sums(found["statuses"])


async def refresh_counts() -> bool:
    """Count the files if the counts are stale and no other process counts. Returns whether it counted."""
    began = await _begin()
    if began is None:
        return False
    with map_driver_errors(), pymongo.timeout(COUNT_TIMEOUT_SECONDS):
        statuses = await files_collection().aggregate(PIPELINE, hint=INDEX).to_list(None)
        seconds = {"$divide": [{"$subtract": ["$$NOW", began]}, 1000]}
        wait = {"$max": [INTERVAL_SECONDS, {"$multiply": [PAUSE_FACTOR, seconds]}]}
        due_at = {"$add": ["$$NOW", {"$multiply": [1000, wait]}]}
        done = stages({"statuses": statuses, "counted_at": NOW})
        await _counts().update_one({"_id": _ID}, [*done, {"$set": {"due_at": due_at}}])
    return True


async def _begin() -> datetime | None:
    """Reserve the next count.

    Return its start by the database's clock, or None if it is not due or another process counts.
    """
    # A plain value, because an upsert may not use $$NOW in its condition.
    now = await database_time()
    # If this process dies while it counts, another counts after this time.
    begun = stages({"due_at": InSeconds(2 * COUNT_TIMEOUT_SECONDS)})
    with map_driver_errors():
        try:
            await _counts().update_one({"_id": _ID, "due_at": {"$lte": now}}, begun, upsert=True)
        except DuplicateKeyError:
            # The document exists, and is not due.
            return None
    return now


def _sums(statuses: list[dict[str, Any]]) -> dict[Status, Sum]:
    return {Status(each["_id"]): Sum(each["files"], each["size"]) for each in statuses}


def _counts() -> Any:
    return files_collection().database["censuses"]
