"""Cached counts of all files by status.

To count reads an index from end to end, a second for each million of files. Whoever asks is therefore told
the latest count, and has another made in the background where its time has come.
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
from waybill.platform.mongo.expressions import NOW, Later, stages

#: Seconds between two counts, and how many times as long as a count took: counting never takes more than a
#: hundredth of MongoDB's time, however many files there are.
INTERVAL_SECONDS = 60
PAUSE_FACTOR = 100

#: Seconds after which a count is given up.
COUNT_TIMEOUT_SECONDS = 600

#: The undeleted files by status, from an index alone: MongoDB scans an index that is named to it as a whole,
#: and this one holds no others. To ask for the undeleted would have each file fetched, for an index cannot
#: tell a field that is null from one that is not there.
INDEX = "largest"
PIPELINE: list[dict[str, Any]] = [
    {"$group": {"_id": "$status", "files": {"$sum": 1}, "size": {"$sum": "$size"}}},
]

_ID = "files"


async def latest_counts() -> Mapping[Status, Sum] | None:
    """The undeleted files by status as they were last counted, or None before the first time."""
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
    """Take the turn of counting; when it began, by the database's clock, or None where it is not ours."""
    # A plain value, for $$NOW may not decide what is inserted where there is none.
    now = await database_time()
    # If this process dies while it counts, another counts after this time.
    begun = stages({"due_at": Later(2 * COUNT_TIMEOUT_SECONDS)})
    with map_driver_errors():
        try:
            await _counts().update_one({"_id": _ID, "due_at": {"$lte": now}}, begun, upsert=True)
        except DuplicateKeyError:
            # There is one, and it is not due.
            return None
    return now


def _sums(statuses: list[dict[str, Any]]) -> dict[Status, Sum]:
    return {Status(each["_id"]): Sum(each["files"], each["size"]) for each in statuses}


def _counts() -> Any:
    return files_collection().database["censuses"]
