"""Take objects out of the bucket, and look again whether their keys were filled anew."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from waybill.files.due import Fields
from waybill.platform.mongo.expressions import Upcoming
from waybill.platform.s3.storage import Storage

#: How long after its URL has died an upload that began in time may still be on its way.
MAX_TRANSFER_TIME = timedelta(days=1)


async def remove_objects(storage: Storage, files: Sequence[Fields]) -> dict[str, Exception]:
    """Remove the files' objects and parts; what kept those that stay, by key."""
    kept: dict[str, Exception] = {}

    async def abort(key: str) -> None:
        try:
            await storage.multiparts.abort_all(key)
        except Exception as error:
            kept[key] = error

    # Before the objects, because an aborted upload makes no object.
    await asyncio.gather(*(abort(file["object_key"]) for file in files if file.get("part_size") is not None))
    keys = [file["object_key"] for file in files if file["object_key"] not in kept]
    return kept | await storage.delete_many(keys)


def next_sweep(now: datetime, grace: timedelta) -> Upcoming:
    """When to look again whether the key was filled anew: after one grace, two, four, up to a day."""
    waits = [max(grace, timedelta(seconds=1))]
    while waits[-1] <= MAX_TRANSFER_TIME:
        waits.append(2 * waits[-1])
    return Upcoming("upload_expires_at", waits, now)
