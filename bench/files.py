"""Files without an upload-request, and how long each waits for its final status."""

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Any

import httpx
from bson import ObjectId

from bench.floors.pipeline import Bare
from waybill.files.lifecycle import Status

#: Seconds until a final status is given up.
TIMEOUT_SECONDS = 300


def pending(owner: str, **fields: Any) -> dict[str, Any]:
    """A PENDING file of this moment, as MongoDB keeps it; ``fields`` are what is to be otherwise."""
    now = datetime.now(UTC)
    file_id = ObjectId()
    return {
        "_id": file_id,
        "owner": owner,
        "name": "holiday.jpg",
        "size": 1024,
        "content_type": "image/jpeg",
        "object_key": f"files/{file_id}/{os.urandom(16).hex()}",
        "created_at": now,
        "upload_expires_at": now,
        "status": Status.PENDING.value,
        **fields,
    }


async def seconds_to_completed(
    servers: Bare, client: httpx.AsyncClient, file_id: ObjectId, *, asked_every: float
) -> float:
    """From complete to COMPLETED; MongoDB is asked for the status every so many seconds."""
    began = time.time()
    (await client.post(f"/api/v1/files/{file_id}/complete")).raise_for_status()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while (file := await servers.files.find_one({"_id": file_id}))["status"] != Status.COMPLETED:
            await asyncio.sleep(asked_every)
    # By the clock of the database, which is this machine's: asking less often measures no worse.
    return float(file["completed_at"].timestamp() - began)
