"""Laps: a walk through all files, from the oldest to the newest, that goes on from where it was.

One document keeps the place, so a crash or a restart loses at most one batch.
"""

from datetime import datetime
from typing import Any, ClassVar

import pymongo
from beanie import Document, PydanticObjectId

from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.expressions import NOW, stages

LAPS = "laps"

_ID = "files"

#: Seconds between two laps: as a multiple of the lap before, so that walking takes a small share of
#: MongoDB's time, and the least and the most of it.
PAUSE_FACTOR = 20
MIN_PAUSE_SECONDS = 3600
MAX_PAUSE_SECONDS = 24 * 3600

#: Matches the document from the end of the first lap on: since then every file has been looked at once.
FIRST_LAP = {"_id": _ID, "laps": {"$gt": 0}}


class Lap(Document):
    """The place of the walk. ``after`` is the last file that was looked at; it is absent between two laps.

    ``asked`` counts the requests for a lap, and ``answered`` those from before the latest one began.
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
    """Have all files looked through once more, as soon as the present lap has ended."""
    with map_driver_errors():
        await _laps().update_one({"_id": _ID}, {"$inc": {"asked": 1}}, upsert=True)


async def find_lap() -> Lap | None:
    """Return the place of the walk, or None if no lap is due."""
    asked = {"$ne": [{"$ifNull": ["$asked", 0]}, {"$ifNull": ["$answered", 0]}]}
    # A field that is absent is less than any time: after a lap there is always a ``due_at``.
    is_due = {"$or": [{"$gt": ["$after", None]}, asked, {"$lte": ["$due_at", "$$NOW"]}]}
    with map_driver_errors():
        found = await _laps().find_one({"_id": _ID}, {**dict.fromkeys(Lap.model_fields, 1), "is_due": is_due})
    if found is None:
        return Lap(id=_ID)
    return Lap.model_validate(found) if found.pop("is_due") else None


async def move_on(lap: Lap, after: PydanticObjectId | None) -> None:
    """Keep the new place of the walk; ``after`` is None at the end of the lap."""
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
