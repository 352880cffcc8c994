"""Reading all files of all owners, in the order of their object keys."""

from collections.abc import AsyncGenerator
from typing import Any

from waybill.files.due import Fields
from waybill.platform.mongo.connection import files_collection
from waybill.platform.mongo.errors import map_driver_errors

#: Files in a batch.
BATCH_FILES = 1000

_FIELDS = ("size", "status", "object_key", "etag", "purge_began_at")


async def read_all_files() -> AsyncGenerator[Fields, None]:
    """Yield the fields that show whether a file has an object, for each file.

    Each batch is a query of its own, because a failover would end a cursor.

    Raises:
        ServiceUnavailable: MongoDB does not answer.
    """
    query: dict[str, Any] = {}
    while True:
        with map_driver_errors():
            found = (
                await files_collection()
                .find(query, list(_FIELDS))
                .sort("object_key", 1)
                .limit(BATCH_FILES)
                .to_list(BATCH_FILES)
            )
        for file in found:
            yield file
        if len(found) < BATCH_FILES:
            return
        query = {"object_key": {"$gt": found[-1]["object_key"]}}
