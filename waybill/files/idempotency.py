"""Idempotency keys: which upload-request each was used for, and the file that it made."""

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

#: Tries to claim a key. A key that is refused as a duplicate and then not found was rolled back, or just
#: expired.
CLAIM_ATTEMPTS = 3


class IdempotencyKey(Document):
    """A key of an owner, a digest of the upload-request that used it, and the id of the file."""

    id: str  # type: ignore[assignment]
    # The digest. Older releases read it by this name.
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


async def claim(owner: str, key: str, digest: str, file_id: PydanticObjectId) -> IdempotencyKey:
    """Use a key for an upload-request.

    The file is stored after this call, under the id that it returns. So parallel repeats, and a repeat after
    a crash, make one file.

    Args:
        owner: Whose key it is.
        key: As the client sent it.
        digest: The digest of the upload-request.
        file_id: The id of the file to store, if the key is new.

    Returns:
        The stored key: this use, or an earlier one of the last 24 hours.

    Raises:
        ServiceUnavailable: MongoDB is unavailable, or the key was refused as a duplicate and not found.
    """
    now = datetime.now(UTC)
    # Hashed, because an index limits the length. The length of the owner separates the owner from the key.
    key_id = hashlib.sha256(f"{len(owner)}:{owner}{key}".encode()).hexdigest()
    mine = {"announced": digest, "file": file_id, "created_at": now}
    with map_driver_errors():
        for _ in range(CLAIM_ATTEMPTS):
            try:
                # MongoDB removes expired keys late, once a minute. An expired key is used again here.
                found = await _collection().find_one_and_update(
                    {"_id": key_id, "created_at": {"$lte": now - RETENTION}},
                    {"$set": mine, "$unset": {"settled_at": True}},
                    upsert=True,
                    return_document=pymongo.ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                found = await _collection().find_one({"_id": key_id})
            if found is not None:
                known: IdempotencyKey = IdempotencyKey.model_validate(found)
                return known
    raise ServiceUnavailable("MongoDB")


async def settle(key: IdempotencyKey, file_id: PydanticObjectId, session: Any) -> bool:
    """Record in a transaction which of two files a key is for: that of its own id, or one that exists.

    Returns:
        Whether no other request has done so. If one has, the transaction must not commit.
    """
    update = {"$set": {"file": file_id}, "$currentDate": {"settled_at": True}}
    settled = await _collection().update_one({"_id": key.id, "settled_at": None}, update, session=session)
    return bool(settled.matched_count)


def _collection() -> Any:
    return IdempotencyKey.get_motor_collection()
