"""Where the next run of a sweep begins, if the last run had no room for all owners."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from waybill.platform.mongo.due_groups import Group
from waybill.platform.redis.client import BoundedRedis

K = TypeVar("K")


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

    async def send_groups(
        self,
        sweep: str,
        room: int,
        find: Callable[[str], AsyncGenerator[Group[K], None]],
        send: Callable[[Group[K], int], Awaitable[tuple[int, bool]]],
    ) -> int:
        """Send due documents group by group, from where the last run ended, until the queue has no room.

        Args:
            sweep: the name of the sweep.
            room: how many messages the queue has room for.
            find: yields the groups after a key.
            send: sends messages for a group, given the room that is left. Returns how many it sent, and
                whether the run can go on.

        Returns:
            How many messages were sent.

        Raises:
            ServiceUnavailable: MongoDB or Redis does not answer.
        """
        if room <= 0:
            return 0
        sent = 0
        last = ""
        async with aclosing(find(await self.load(sweep))) as groups:
            async for group in groups:
                number, can_go_on = await send(group, room - sent)
                sent += number
                if sent >= room or not can_go_on:
                    last = str(group.key)
                    break
        await self.store(sweep, last)
        return sent


def _key(sweep: str) -> str:
    return f"waybill:sweep:{sweep}"
