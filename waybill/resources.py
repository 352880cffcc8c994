"""Opens MongoDB, the object store and the broker. The only wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import redis
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry

from waybill.courier import Courier, open_courier
from waybill.documents import open_database
from waybill.live import Live, open_live
from waybill.messages import Sender
from waybill.presign import Presigner
from waybill.queues import Queues
from waybill.rate_limit import RateLimit, open_rate_limit
from waybill.settings import Settings
from waybill.storage import Storage, open_storage


@dataclass(frozen=True, slots=True)
class Resources:
    """What use-cases are handed. The documents find their database on their own, through Beanie."""

    settings: Settings
    storage: Storage
    presigner: Presigner
    sender: Sender
    rate_limit: RateLimit
    live: Live
    queues: Queues
    courier: Courier


def redis_client(settings: Settings) -> redis.Redis:
    """A Redis client that fails within a second or two rather than hang.

    It tries twice, for a pooled connection may be to a server that has been restarted since; by default it
    would try ten times more, with pauses that a request cannot afford.
    """
    return redis.Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_connect_timeout=0.5,
        socket_timeout=1,
        retry=Retry(NoBackoff(), 1),
    )


@asynccontextmanager
async def open_storage_and_database(settings: Settings) -> AsyncIterator[Storage]:
    """The two stores, without a broker."""
    database = open_database(settings.mongodb_url.get_secret_value(), settings.mongodb_database)
    async with database, open_storage(settings) as storage:
        yield storage


@asynccontextmanager
async def open_resources(settings: Settings, broker: RedisBroker) -> AsyncIterator[Resources]:
    """Everything that a use-case needs, for as long as the context lasts, on the running event loop."""
    presigner = Presigner.from_settings(settings)
    async with (
        open_storage_and_database(settings) as storage,
        open_rate_limit(settings) as rate_limit,
        open_live() as live,
        open_courier(allow_private=settings.webhook_allow_private) as courier,
    ):
        queues = Queues(broker)
        yield Resources(settings, storage, presigner, Sender(broker), rate_limit, live, queues, courier)
