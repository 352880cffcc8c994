"""Leases: one worker at a time does a continuous job, such as reading the change stream."""

from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar

import pymongo
from beanie import Document
from pymongo.errors import DuplicateKeyError

from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.expressions import InSeconds, stages


class Lease(Document):
    """A lease and its holder. ``position`` is the resume token of a reader of the change stream."""

    id: str  # type: ignore[assignment]
    position: str | None = None
    held_by: str | None = None
    held_until: datetime | None = None

    class Settings:
        name = "followers"
        indexes: ClassVar[list[pymongo.IndexModel]] = []


async def acquire_lease(name: str, attempt: str, lease: float) -> Lease | None:
    """Acquire a lease for ``lease`` seconds. Return None if another attempt holds it."""
    free = {"$or": [{"held_by": None}, {"$expr": {"$lte": ["$held_until", "$$NOW"]}}]}
    held = stages({"held_by": attempt, "held_until": InSeconds(lease)})
    with map_driver_errors():
        # A statement of its own, because MongoDB refuses an upsert that compares with $$NOW.
        with suppress(DuplicateKeyError):
            await _collection().insert_one({"_id": name})
        found = await _collection().find_one_and_update(
            {"_id": name, **free}, held, return_document=pymongo.ReturnDocument.AFTER
        )
    acquired: Lease | None = None if found is None else Lease.model_validate(found)
    return acquired


async def update_lease(name: str, attempt: str, **changes: Any) -> bool:
    """Change fields of a lease if this attempt still holds it. Return whether it does."""
    with map_driver_errors():
        done = await _collection().update_one({"_id": name, "held_by": attempt}, stages(changes))
    return bool(done.matched_count)


def _collection() -> Any:
    return Lease.get_motor_collection()
