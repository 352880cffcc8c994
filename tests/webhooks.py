"""What the tests of webhooks do behind the API's back of a running service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient

from tests.service import Service
from waybill.webhooks.consumer import LEASE_NAME

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def database(service: Service) -> AsyncIterator[Any]:
    """The collections of the service."""
    url = service.settings.mongodb_url.get_secret_value()
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(url)
    yield client[service.settings.mongodb_database]
    client.close()


async def pass_time(service: Service) -> None:
    """Let all leases expire, and make each purge and the next attempt of each delivery due."""
    async with database(service) as collections:
        await collections["files"].update_many({"due_at": {"$exists": True}}, {"$set": {"due_at": LONG_AGO}})
        await collections["followers"].update_one(
            {"_id": LEASE_NAME, "held_until": {"$exists": True}}, {"$set": {"held_until": LONG_AGO}}
        )
        await collections["webhook_deliveries"].update_many(
            {"due_at": {"$exists": True}}, {"$set": {"due_at": LONG_AGO, "next_attempt_at": LONG_AGO}}
        )
