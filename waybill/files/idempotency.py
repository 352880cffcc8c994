"""Which announcement an idempotency key was used for."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pymongo
from beanie import Document, PydanticObjectId
from pymongo.errors import DuplicateKeyError

from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo.errors import map_driver_errors

#: How long a key is remembered.
RETENTION = timedelta(days=1)

#: A key that is refused as a duplicate and then not found was rolled back, or removed by MongoDB just now.
CLAIM_ATTEMPTS = 3


class IdempotencyKey(Document):
    """A key of an owner's, a digest of what was announced with it, and the file that came of it."""

    id: str  # type: ignore[assignment]
    announced: str
    file: PydanticObjectId
    created_at: datetime

    class Settings:
        name = "idempotency_keys"
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            pymongo.IndexModel(
                [("created_at", 1)], name="old", expireAfterSeconds=int(RETENTION.total_seconds())
            ),
        ]


async def claim(owner: str, key: str, announced: str, file_id: PydanticObjectId) -> IdempotencyKey:
    """Use a key for an announcement; what it stands for, which is an earlier one where it was used already.

    The file is stored after this and under this id, so that of parallel repeats, and of one before a crash
    and one after it, only one comes to be.

    Raises:
        ServiceUnavailable: MongoDB is away, or says both that the key is there and that it is not.
    """
    now = datetime.now(UTC)
    # Hashed: a key may be longer than an index takes, and owner and key must not run into each other.
    digest = hashlib.sha256(f"{len(owner)}:{owner}{key}".encode()).hexdigest()
    mine = {"announced": announced, "file": file_id, "created_at": now}
    with map_driver_errors():
        for _ in range(CLAIM_ATTEMPTS):
            try:
                # MongoDB removes old ones once a minute, which may be late: an old one is taken over.
                found = await _collection().find_one_and_update(
                    {"_id": digest, "created_at": {"$lte": now - RETENTION}},
                    {"$set": mine},
                    upsert=True,
                    return_document=pymongo.ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                found = await _collection().find_one({"_id": digest})
            if found is not None:
                known: IdempotencyKey = IdempotencyKey.model_validate(found)
                return known
    raise ServiceUnavailable("MongoDB")


def _collection() -> Any:
    return IdempotencyKey.get_motor_collection()
