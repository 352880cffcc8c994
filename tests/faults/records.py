"""Files as MongoDB has them, behind the API's back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient

from tests.faults.table import LONG
from tests.service import Service
from tests.waiting import until


@asynccontextmanager
async def hurried(service: Service) -> AsyncIterator[None]:
    """Let half a minute pass every few seconds: jobs become due, and leases expire.

    The long run waits for them as long as it really takes.
    """

    async def let_time_pass() -> None:
        with records(service) as files:
            while not LONG:
                await files.update_many(
                    # Not those whose object is gone: they are looked at once more when their URL is dead.
                    {"due_at": {"$exists": True}, "purged_at": None},
                    {"$set": {"due_at": datetime(2000, 1, 1, tzinfo=UTC)}},
                )
                await asyncio.sleep(5)

    passing = asyncio.create_task(let_time_pass())
    try:
        yield
    finally:
        passing.cancel()
        await asyncio.wait([passing])


@contextmanager
def records(service: Service) -> Iterator[Any]:
    """The collection of files, behind the API's back."""
    settings = service.settings
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(settings.mongodb_url.get_secret_value())
    try:
        yield client[settings.mongodb_database]["files"]
    finally:
        client.close()


async def record(service: Service, file_id: str) -> dict[str, Any]:
    """A file as MongoDB has it."""
    with records(service) as files:
        found: dict[str, Any] = await files.find_one({"_id": ObjectId(file_id)})
    return found


async def held(service: Service, file_id: str) -> str:
    """Wait until a worker has the file in hand; the token of its attempt."""

    async def attempt() -> str | None:
        token: str | None = (await record(service, file_id)).get("attempt")
        return token

    return await until(attempt, "a worker takes the file", 30)
