"""What an owner's stored files take: by the day on which they were stored, and by what they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pymongo

from waybill.documents.database import collection
from waybill.documents.outage import reachable
from waybill.documents.quota import LONG_ENOUGH, Sum
from waybill.lifecycle import Status

#: Families of content types that are told. Honest ones are a dozen, but a client may make up any number.
MAX_TYPES = 100

#: Milliseconds.
_DAY = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class UsageHistory:
    """Sums of COMPLETED, undeleted files.

    ``days`` are those of completion in UTC, the earliest first, without days that have none. ``types`` are
    families of content types in lower case (`image` of `image/png`), up to ``MAX_TYPES``, the largest first.
    """

    days: Mapping[date, Sum]
    types: Mapping[str, Sum]


async def find_usage_history(owner: str) -> UsageHistory:
    """The history of an owner's files.

    Raises:
        ServiceUnavailable: also where adding up took too long, some seconds for millions of files.
    """
    # Takes as long as the owner has files, some three seconds for a million. Each is fetched, in the order in
    # which they were stored; an index of all this would be fetched from too, for MongoDB does not take a null
    # for granted.
    with reachable(), pymongo.timeout(LONG_ENOUGH):
        answer = collection().aggregate(history_pipeline(owner), hint="newest_by_status")
        [found] = await answer.to_list(None)
    return UsageHistory(
        days={group["_id"].date(): _sum(group) for group in found["days"]},
        types={group["_id"]: _sum(group) for group in found["types"]},
    )


def history_pipeline(owner: str) -> list[dict[str, Any]]:
    """Reads the files once, into few groups; what is told is made of these.

    A group of its own for each half of the answer, or `$dateTrunc`, or the family of each file, would take up
    to half as long again.
    """
    day = {"$subtract": ["$completed_at", {"$mod": [{"$toLong": "$completed_at"}, _DAY]}]}
    family = {"$toLower": {"$first": {"$split": ["$_id.content_type", "/"]}}}
    again = {"files": {"$sum": "$files"}, "size": {"$sum": "$size"}}
    days: list[dict[str, Any]] = [{"$group": {"_id": "$_id.day", **again}}, {"$sort": {"_id": 1}}]
    types: list[dict[str, Any]] = [
        {"$group": {"_id": family, **again}},
        {"$sort": {"size": -1, "_id": 1}},
        {"$limit": MAX_TYPES},
    ]
    return [
        {"$match": {"owner": owner, "status": Status.COMPLETED.value, "deleted_at": None}},
        {
            "$group": {
                "_id": {"day": day, "content_type": "$content_type"},
                "files": {"$sum": 1},
                "size": {"$sum": "$size"},
            }
        },
        {"$facet": {"days": days, "types": types}},
    ]


def _sum(group: Mapping[str, Any]) -> Sum:
    return Sum(group["files"], group["size"])
