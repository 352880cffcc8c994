"""More files of an owner than one request searches, and a few that differ."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
from bson import ObjectId

from tests.service import Service
from waybill.files.lifecycle import Status
from waybill.files.listing.query import MAX_STRETCHES, STRETCH_FILES

NEEDLE_TYPE = "model/step"

#: The names of the files of that type, the newest first. One request does not reach the others.
NEEDLES = ("newest", "middle", "oldest")

_FILES = STRETCH_FILES * MAX_STRETCHES + 1000


def add_haystack(service: Service, owner: str, content_type: str = NEEDLE_TYPE) -> None:
    """Store the files of an owner in the service's database; the needles are of ``content_type``."""
    settings = service.settings
    places = {0: NEEDLES[2], 500: NEEDLES[1], _FILES - 1: NEEDLES[0]}
    now = datetime.now(UTC)
    with pymongo.MongoClient[dict[str, Any]](settings.mongodb_url.get_secret_value()) as client:
        client[settings.mongodb_database]["files"].insert_many(
            {
                "_id": ObjectId(),
                "owner": owner,
                "name": places.get(number, f"hay-{number}"),
                "size": 1,
                "content_type": content_type if number in places else "text/plain",
                "object_key": f"files/{owner}/{number}",
                "created_at": now - timedelta(seconds=_FILES - number),
                "upload_expires_at": now,
                "status": Status.FAILED.value,
            }
            for number in range(_FILES)
        )
