"""Remove objects from the bucket, and plan when to look for objects that were written again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from waybill.files.due import Fields
from waybill.platform.mongo.expressions import NextTime
from waybill.platform.s3.storage import Storage

#: How long a transfer that began before its URL expired may still run after it.
MAX_TRANSFER_TIME = timedelta(days=1)


async def remove_objects(storage: Storage, files: Sequence[Fields]) -> dict[str, Exception]:
    """Remove the files' objects and parts. Return the errors of those that were not removed, by key."""
    refusals: dict[str, Exception] = {}

    async def abort(key: str) -> None:
        try:
            await storage.multiparts.abort_all(key)
        except Exception as error:
            refusals[key] = error

    # Before the objects, because an aborted upload makes no object.
    await asyncio.gather(*(abort(file["object_key"]) for file in files if file.get("part_size") is not None))
    keys = [file["object_key"] for file in files if file["object_key"] not in refusals]
    return refusals | await storage.delete_many(keys)


def next_sweep(now: datetime, grace: timedelta) -> NextTime:
    """Return when to look again for an object under the key: one grace later, then two, four, up to a day."""
    waits = [max(grace, timedelta(seconds=1))]
    while waits[-1] <= MAX_TRANSFER_TIME:
        waits.append(2 * waits[-1])
    return NextTime("upload_expires_at", waits, now)
