"""Read what waits in the queues, from the keys of Dramatiq's script."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dramatiq import Message
from dramatiq.common import dq_name, xq_name

from waybill.platform.redis.client import BoundedRedis
from waybill.platform.redis.messages import QUEUES, sent_channel


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue. ``oldest`` is how many seconds the first message has waited.

    ``taken`` messages are with workers, ``delayed`` ones will be retried, ``dead`` ones have failed for good.
    """

    waiting: int
    taken: int
    delayed: int
    dead: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """All queues by name, the number of workers that listen for new messages, and the memory that Redis uses.

    ``memory`` is in bytes, as is ``memory_limit``, which is 0 if there is none.
    """

    queues: Mapping[str, Queue]
    workers: int
    memory: int
    memory_limit: int


class Queues:
    """The queues of all workers."""

    def __init__(self, redis: BoundedRedis, namespace: str) -> None:
        self._redis = redis
        self._namespace = namespace

    async def backlog(self) -> Backlog:
        """Return the backlog, in three round trips.

        Raises:
            ServiceUnavailable: Redis does not answer.
        """
        return await self._redis.ask(self._backlog)

    async def _backlog(self, client: Any) -> Backlog:
        names = sorted(set(QUEUES.values()))
        key = f"{self._namespace}:{{}}".format
        # In one transaction, because a waiting message is in two keys.
        async with client.pipeline(transaction=True) as counting:
            for name in names:
                counting.lrange(key(name), 0, 0)
                counting.llen(key(name))
                counting.hlen(key(f"{name}.msgs"))
                counting.hlen(key(f"{dq_name(name)}.msgs"))
                counting.zcard(key(xq_name(name)))
            counts = iter(await counting.execute())
        rows = {name: [next(counts) for _ in range(5)] for name in names}
        async with client.pipeline(transaction=False) as reading:
            for name, (first, *_) in rows.items():
                reading.hmget(key(f"{name}.msgs"), first or [b""])
            reading.info("memory")
            *firsts, memory = await reading.execute()
        ((_, listening),) = await client.pubsub_numsub(sent_channel(self._namespace, self._redis.database))
        return Backlog(
            {
                name: Queue(
                    waiting=waiting,
                    taken=max(0, held - waiting),
                    delayed=delayed,
                    dead=dead,
                    oldest=_age(message),
                )
                for (name, (_, waiting, held, delayed, dead)), (message,) in zip(
                    rows.items(), firsts, strict=True
                )
            },
            listening,
            memory["used_memory"],
            memory["maxmemory"],
        )


def _age(message: Any) -> float:
    """Return the seconds since a message was sent; 0 if a worker has taken it meanwhile."""
    if message is None:
        return 0
    return max(0.0, time.time() - Message.decode(message).message_timestamp / 1000)
