"""The least code that does the I/O of a completion and its verification, in the same order.

The API makes one find, one HEAD, one update and one push; the worker one pop, one update that takes the file,
one GET with a SHA-256, and one update with the outcome. No lease, no retry, no duplicates.

`python -m bench.floors.pipeline complete OWNER` completes all PENDING files of an owner, sixteen at once, as
soon as something is pushed to `bench:go`;
`... verify` verifies what was pushed, eight at once, until it is stopped.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aioboto3
import redis.asyncio
from aiobotocore.config import AioConfig
from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient

QUEUE = "bench:verify"
READY = "bench:ready"
GO = "bench:go"
COMPLETING = 16
VERIFYING = 8


@dataclass(frozen=True)
class Bare:
    """The three servers, by their plain clients."""

    files: Any
    queue: Any
    s3: Any
    bucket: str

    async def complete(self, file_id: ObjectId) -> None:
        """What `POST complete` asks of the servers."""
        file = await self.files.find_one({"_id": file_id})
        head = await self.s3.head_object(Bucket=self.bucket, Key=file["object_key"])
        await self.files.find_one_and_update(
            {"_id": file_id, "status": "PENDING"}, {"$set": {"status": "PROCESSING", "etag": head["ETag"]}}
        )
        await self.queue.rpush(QUEUE, str(file_id))

    async def verify(self) -> None:
        """What a worker asks of the servers for one file, once there is one."""
        _, file_id = await self.queue.blpop(QUEUE)
        file = await self.files.find_one_and_update(
            {"_id": ObjectId(file_id.decode())}, {"$set": {"attempt": "bench"}}
        )
        answer = await self.s3.get_object(Bucket=self.bucket, Key=file["object_key"], IfMatch=file["etag"])
        sha256 = hashlib.sha256(await answer["Body"].read()).hexdigest()
        await self.files.find_one_and_update(
            {"_id": file["_id"], "attempt": "bench"},
            [{"$set": {"status": "COMPLETED", "sha256": sha256, "completed_at": "$$NOW"}}],
        )


@asynccontextmanager
async def bare(env: dict[str, str]) -> AsyncIterator[Bare]:
    """The clients, by the settings of a service."""
    setting = {name.removeprefix("WAYBILL_"): value for name, value in env.items()}
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        setting["MONGODB_URL"], tz_aware=True, w="majority", journal=True
    )
    # A pop waits for as long as it takes.
    queue = redis.asyncio.Redis.from_url(setting["REDIS_URL"], socket_timeout=None)
    opening = aioboto3.Session().client(
        "s3",
        endpoint_url=setting["S3_ENDPOINT_URL"],
        region_name=setting["S3_REGION"],
        aws_access_key_id=setting["S3_ACCESS_KEY"],
        aws_secret_access_key=setting["S3_SECRET_KEY"],
        config=AioConfig(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    try:
        async with queue, opening as s3:
            yield Bare(client[setting["MONGODB_DATABASE"]]["files"], queue, s3, setting["S3_BUCKET"])
    finally:
        client.close()


async def _complete_all(owner: str) -> None:
    async with bare(dict(os.environ)) as servers:
        found = await servers.files.find({"owner": owner, "status": "PENDING"}, {"_id": 1}).to_list(None)
        ids = iter([each["_id"] for each in found])
        await servers.queue.rpush(READY, "complete")
        await servers.queue.blpop(GO)

        async def some() -> None:
            for file_id in ids:
                await servers.complete(file_id)

        await asyncio.gather(*(some() for _ in range(COMPLETING)))


async def _verify_all() -> None:
    async with bare(dict(os.environ)) as servers:
        await servers.queue.rpush(READY, "verify")

        async def some() -> None:
            while True:
                await servers.verify()

        await asyncio.gather(*(some() for _ in range(VERIFYING)))


if __name__ == "__main__":
    asyncio.run(_complete_all(sys.argv[2]) if sys.argv[1] == "complete" else _verify_all())
