"""Operations are counted against every limit, or against none."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from stack.stack import Stack
from waybill.platform.errors import RateLimited
from waybill.platform.rate_limit import RateLimit
from waybill.platform.redis.client import BoundedRedis, open_redis


@pytest.fixture
async def bounded(stack: Stack) -> AsyncIterator[BoundedRedis]:
    async with open_redis(stack.addresses.redis_url) as opened:
        yield opened


@pytest.fixture
async def limiter(stack: Stack) -> AsyncIterator[SlidingWindowCounterRateLimiter]:
    """What releases before 0.2 counted with: it reads the same keys."""
    pool = redis.asyncio.ConnectionPool.from_url(stack.addresses.redis_url)
    yield SlidingWindowCounterRateLimiter(
        RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="waybill:rate",
            connection_pool=pool,  # type: ignore[arg-type]  # passed on to redis-py, with any type
        )
    )
    await pool.disconnect()


async def refusal(limit: RateLimit, owner: str, operations: int = 1, counted: int = 0) -> RateLimited | None:
    try:
        await limit.admit(owner, operations, counted=counted)
    except RateLimited as error:
        return error
    return None


@pytest.mark.parametrize("notation", ["6/hour; 2/minute", "2/minute; 6/hour"])
async def test_a_refused_operation_counts_against_no_limit(
    bounded: BoundedRedis, limiter: SlidingWindowCounterRateLimiter, owner: str, notation: str
) -> None:
    limit = RateLimit(notation, bounded)
    refused = [await refusal(limit, owner) for _ in range(10)]
    assert refused[:2] == [None, None]
    assert all(each is not None and each.context["limit"] == "2 per 1 minute" for each in refused[2:])
    assert (await limiter.get_window_stats(parse("6/hour"), owner)).remaining == 4
    assert (await limiter.get_window_stats(parse("2/minute"), owner)).remaining == 0


@pytest.mark.parametrize("notation", ["5/minute; 7/hour", "7/hour; 5/minute", "5/minute; 5/minute"])
async def test_of_twenty_at_once_as_many_are_admitted_as_the_lowest_limit_allows(
    bounded: BoundedRedis, owner: str, notation: str
) -> None:
    limit = RateLimit(notation, bounded)
    refused = await asyncio.gather(*(refusal(limit, owner) for _ in range(20)))
    assert refused.count(None) == 5


@pytest.mark.parametrize("notation", ["2/minute; 2/hour", "2/hour; 2/minute"])
async def test_the_limit_that_refuses_for_longest_says_when_to_try_again(
    bounded: BoundedRedis, owner: str, notation: str
) -> None:
    limit = RateLimit(notation, bounded)
    await limit.admit(owner, 2)
    refused = await refusal(limit, owner)
    assert refused is not None
    assert refused.context["limit"] == "2 per 1 hour"
    assert 3500 < refused.context["retryAfter"] <= 3601


@pytest.mark.parametrize("operations", [1, 3])
async def test_who_waits_as_long_as_told_is_admitted(
    bounded: BoundedRedis, owner: str, operations: int
) -> None:
    limit = RateLimit("3/second", bounded)
    await limit.admit(owner, 3)
    refused = await refusal(limit, owner, operations)
    assert refused is not None
    await asyncio.sleep(refused.context["retryAfter"])
    await limit.admit(owner, operations)


async def test_a_refused_batch_is_not_counted_at_all(
    bounded: BoundedRedis, limiter: SlidingWindowCounterRateLimiter, owner: str
) -> None:
    limit = RateLimit("9/hour; 5/minute", bounded)
    await limit.admit(owner)
    # The call of a batch of six was admitted above, and its other five are refused.
    assert await refusal(limit, owner, 5, counted=1) is not None
    assert (await limiter.get_window_stats(parse("9/hour"), owner)).remaining == 9
    assert (await limiter.get_window_stats(parse("5/minute"), owner)).remaining == 5


async def test_the_same_keys_are_counted_as_before(
    bounded: BoundedRedis, limiter: SlidingWindowCounterRateLimiter, owner: str
) -> None:
    """While a release before 0.2 runs beside this one, both count together."""
    limit = RateLimit("5/minute", bounded)
    assert await limiter.hit(parse("5/minute"), owner, cost=3)
    await limit.admit(owner, 2)
    assert await refusal(limit, owner) is not None
    assert not await limiter.hit(parse("5/minute"), owner)
