"""How much an owner may ask for in a time, counted in Redis for all API processes together."""

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from limits import parse_many
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from waybill.errors import RateLimited
from waybill.settings import Settings

#: Seconds until Redis is given up, and then until it is asked again.
ANSWER_WITHIN = 1
PAUSE = 1

log = structlog.get_logger(__name__)


class RateLimit:
    """Counts the operations of each owner, in a window that slides."""

    def __init__(self, notation: str, pool: BlockingConnectionPool) -> None:
        self._limits = parse_many(notation) if notation else []
        # The scheme says how to use the pool, whose own address is the one that counts.
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="waybill:rate",
            connection_pool=pool,  # type: ignore[arg-type]  # annotated without it
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._ask_again_at = 0.0

    async def admit(self, owner: str, operations: int = 1) -> None:
        """Count operations of this owner. Without an answer from Redis they are let through.

        Raises:
            RateLimited: these would be too many; it says when to try again, and they were not counted.
        """
        if not self._limits or not operations or time.monotonic() < self._ask_again_at:
            return
        try:
            for limit in self._limits:
                if not await self._limiter.hit(limit, owner, cost=operations):
                    next_at, _ = await self._limiter.get_window_stats(limit, owner)
                    raise RateLimited(str(limit), max(1, math.ceil(next_at - time.time())))
        except RedisError as error:
            # Uploads go on without Redis, and a limit is no reason to stop them.
            self._ask_again_at = time.monotonic() + PAUSE
            log.warning("nobody is rate limited, Redis is away", error=str(error))


@asynccontextmanager
async def open_rate_limit(settings: Settings) -> AsyncIterator[RateLimit]:
    """The rate limit of the settings, with connections of its own."""
    # Bounded: a flood of requests is what this is here for. Whoever waits too long for one is let through.
    pool = BlockingConnectionPool.from_url(
        settings.redis_url.get_secret_value(),
        max_connections=16,
        timeout=ANSWER_WITHIN,
        socket_connect_timeout=ANSWER_WITHIN / 2,
        socket_timeout=ANSWER_WITHIN,
        retry=Retry(NoBackoff(), 1),
    )
    try:
        yield RateLimit(settings.rate_limit, pool)
    finally:
        await pool.disconnect()
