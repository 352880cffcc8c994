"""Laps of the walk through all files, from the oldest to the newest. The walk resumes where it stopped.

One document stores the place, so a crash or a restart repeats at most one batch.
"""

from datetime import datetime
from typing import Any, ClassVar

import pymongo
from beanie import Document, PydanticObjectId

from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.expressions import NOW, stages

LAPS = "laps"

_ID = "files"

#: The pause between two laps: a multiple of the last lap's duration, so that the walk takes a small share of
#: MongoDB's time. And the shortest and longest pause.
PAUSE_FACTOR = 20
MIN_PAUSE_SECONDS = 3600
MAX_PAUSE_SECONDS = 24 * 3600

#: Condition: the first lap has ended, so the walk has seen every file.
FIRST_LAP = {"_id": _ID, "laps": {"$gt": 0}}


class Lap(Document):
    """The place of the walk. ``after`` is the last file that it has seen; it is missing between two laps.

    ``asked`` counts the requests for a lap, and ``answered`` those before the latest lap began.
    """

    id: str  # type: ignore[assignment]
    laps: int = 0
    after: PydanticObjectId | None = None
    asked: int = 0
    answered: int = 0
    began_at: datetime | None = None
    due_at: datetime | None = None

    class Settings:
        name = LAPS
        indexes: ClassVar[list[pymongo.IndexModel]] = []


async def ask_for_lap() -> None:
    """Request another lap, which begins when the current lap has ended."""
    with map_driver_errors():
        await _laps().update_one({"_id": _ID}, {"$inc": {"asked": 1}}, upsert=True)


async def find_lap() -> Lap | None:
    """Return the place of the walk, or None if no lap is due."""
    asked = {"$ne": [{"$ifNull": ["$asked", 0]}, {"$ifNull": ["$answered", 0]}]}
    # A missing field compares as less than any time. After a lap there is always a ``due_at``.
    is_due = {"$or": [{"$gt": ["$after", None]}, asked, {"$lte": ["$due_at", "$$NOW"]}]}
    with map_driver_errors():
        found = await _laps().find_one({"_id": _ID}, {**dict.fromkeys(Lap.model_fields, 1), "is_due": is_due})
    if found is None:
        return Lap(id=_ID)
    return Lap.model_validate(found) if found.pop("is_due") else None


async def move_on(lap: Lap, after: PydanticObjectId | None) -> None:
    """Store the new place of the walk. ``after`` is None at the end of the lap."""
    is_first = lap.after is None
    changes: dict[str, Any] = {"after": after}
    if is_first:
        changes |= {"began_at": NOW, "answered": lap.asked}
    update = stages(changes)
    if after is None:
        seconds = {"$divide": [{"$subtract": ["$$NOW", "$began_at"]}, 1000]}
        pause = {
            "$min": [MAX_PAUSE_SECONDS, {"$max": [MIN_PAUSE_SECONDS, {"$multiply": [PAUSE_FACTOR, seconds]}]}]
        }
        due_at = {"$add": ["$$NOW", {"$multiply": [1000, pause]}]}
        update.append({"$set": {"due_at": due_at, "laps": {"$add": [{"$ifNull": ["$laps", 0]}, 1]}}})
    with map_driver_errors():
        await _laps().update_one({"_id": _ID}, update, upsert=True)


def _laps() -> Any:
    return Lap.get_motor_collection()
