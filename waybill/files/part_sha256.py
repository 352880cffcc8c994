"""The checksums that part URLs were signed with. S3 requires them again to assemble the parts."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import pymongo
from beanie import Document, PydanticObjectId
from pymongo.errors import BulkWriteError

from waybill.files.model import File
from waybill.platform.mongo.errors import is_duplicates_only, map_driver_errors

#: Seconds until MongoDB removes a checksum. Longer than any upload may take.
RETENTION_SECONDS = 14 * 24 * 3600


class PartSha256(Document):
    """The SHA-256, in hexadecimal, of one part of a file."""

    id: str  # type: ignore[assignment]
    file: PydanticObjectId
    number: int
    sha256: str
    created_at: datetime

    class Settings:
        name = "part_sha256s"
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            pymongo.IndexModel([("file", 1), ("number", 1)], name="parts"),
            pymongo.IndexModel([("created_at", 1)], name="old", expireAfterSeconds=RETENTION_SECONDS),
        ]


async def store_part_sha256s(file: File, sha256s: Mapping[int, str]) -> None:
    """Store the checksums of some parts. The first checksum of a part is never replaced."""
    now = datetime.now(UTC)
    new = [
        {"_id": f"{file.id}/{number}", "file": file.id, "number": number, "sha256": sha256, "created_at": now}
        for number, sha256 in sha256s.items()
    ]
    with map_driver_errors():
        try:
            await _collection().insert_many(new, ordered=False)
        except BulkWriteError as error:
            if not is_duplicates_only(error):
                raise


async def find_part_sha256s(file: File, numbers: Iterable[int] | None = None) -> dict[int, str]:
    """Return the checksums of a file's parts by number: of all parts, or of the parts ``numbers``."""
    query: dict[str, Any] = {"file": file.id}
    if numbers is not None:
        query["number"] = {"$in": list(numbers)}
    with map_driver_errors():
        found = await _collection().find(query, {"number": 1, "sha256": 1}).to_list(None)
    return {part["number"]: part["sha256"] for part in found}


def _collection() -> Any:
    return PartSha256.get_motor_collection()
