"""Where the next run of a sweep begins, if the last run had no room for all owners."""

from typing import Any

from waybill.platform.redis.client import BoundedRedis


class SweepCursor:
    """The last owner or webhook of each sweep, stored in Redis.

    If Redis is emptied, the sweeps begin again.
    """

    def __init__(self, redis: BoundedRedis) -> None:
        self._redis = redis

    async def load(self, sweep: str) -> str:
        """Return the stored value of this sweep, or "" if there is none.

        Raises:
            ServiceUnavailable: Redis does not answer.
        """
        last: Any = await self._redis.ask(lambda client: client.get(_key(sweep)))
        return "" if last is None else last.decode()

    async def store(self, sweep: str, last: str) -> None:
        """Store the last owner or webhook of a run, or "" if the run reached the end.

        Raises ServiceUnavailable.
        """
        await self._redis.ask(lambda client: client.set(_key(sweep), last))


def _key(sweep: str) -> str:
    return f"waybill:sweep:{sweep}"
