"""Open the clients of MongoDB, the object store and Redis: the only place that wires them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import redis
from dramatiq.brokers.redis import RedisBroker

from waybill.events.broadcaster import Broadcaster, open_broadcaster
from waybill.events.tickets import EventTickets
from waybill.files.verification_queue import VerificationQueue
from waybill.indexes import DOCUMENTS
from waybill.platform.mongo.connection import open_database
from waybill.platform.presign import Presigner
from waybill.platform.rate_limit import RateLimit
from waybill.platform.redis.backlog import Queues
from waybill.platform.redis.client import open_client, open_redis
from waybill.platform.redis.messages import Sender
from waybill.platform.redis.sweep_cursor import SweepCursor
from waybill.platform.s3.storage import Storage, open_storage
from waybill.platform.settings import Settings
from waybill.webhooks.http_client import WebhookClient, open_webhook_client


@dataclass(frozen=True, slots=True)
class Resources:
    """The clients and settings that use-cases receive. Documents find their database through Beanie."""

    settings: Settings
    storage: Storage
    presigner: Presigner
    sender: Sender
    verifications: VerificationQueue
    sweep_cursor: SweepCursor
    rate_limit: RateLimit
    event_tickets: EventTickets
    broadcaster: Broadcaster
    queues: Queues
    webhook_client: WebhookClient


def redis_client(settings: Settings) -> redis.Redis:
    """Return a client for threads, which Dramatiq requires."""
    return open_client(settings.redis_url.get_secret_value())


@asynccontextmanager
async def open_storage_and_database(settings: Settings) -> AsyncIterator[Storage]:
    """Open MongoDB and the object store, without Redis."""
    database = open_database(settings.mongodb_url.get_secret_value(), settings.mongodb_database, DOCUMENTS)
    async with database, open_storage(settings) as storage:
        yield storage


@asynccontextmanager
async def open_resources(settings: Settings, broker: RedisBroker) -> AsyncIterator[Resources]:
    """Open all clients that use-cases need, on the running event loop.

    Messages are sent to the queues of ``broker``.
    """
    presigner = Presigner.from_settings(settings)
    async with (
        open_storage_and_database(settings) as storage,
        open_redis(settings.redis_url.get_secret_value()) as redis_,
        open_broadcaster(settings.owner_subscriptions) as broadcaster,
        open_webhook_client(allow_private=settings.webhook_allow_private) as webhook_client,
    ):
        yield Resources(
            settings=settings,
            storage=storage,
            presigner=presigner,
            sender=Sender(redis_, broker.namespace),
            verifications=VerificationQueue(redis_, broker.namespace),
            sweep_cursor=SweepCursor(redis_),
            rate_limit=RateLimit(settings.rate_limit, redis_),
            event_tickets=EventTickets(redis_),
            broadcaster=broadcaster,
            queues=Queues(redis_, broker.namespace),
            webhook_client=webhook_client,
        )
