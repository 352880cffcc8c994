"""Where the next run of a sweep begins, if the last run had no room for all owners."""

from typing import Any

from waybill.platform.redis.client import BoundedRedis


class SweepCursor:
    """The last owner, or the like, of each sweep, in Redis. An emptied Redis lets the sweeps begin anew."""

    def __init__(self, redis: BoundedRedis) -> None:
        self._redis = redis

    async def load(self, sweep: str) -> str:
        """Return what was stored for this sweep, "" if nothing was.

        Raises:
            ServiceUnavailable: Redis does not answer.
        """
        last: Any = await self._redis.ask(lambda client: client.get(_key(sweep)))
        return "" if last is None else last.decode()

    async def store(self, sweep: str, last: str) -> None:
        """Store whom the run ended with, "" if it reached the end. Raises as ``load`` does."""
        await self._redis.ask(lambda client: client.set(_key(sweep), last))


def _key(sweep: str) -> str:
    return f"waybill:sweep:{sweep}"
