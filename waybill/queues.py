"""What waits in the queues, read from where Dramatiq's script keeps it."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name, xq_name
from redis.exceptions import RedisError

from waybill.errors import ServiceUnavailable
from waybill.messages import QUEUES, SENT


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue. ``oldest`` is for how many seconds the first message that nobody has taken has waited.

    ``taken`` are with workers, ``delayed`` will be tried again, ``dead`` failed for good.
    """

    waiting: int
    taken: int
    delayed: int
    dead: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """All queues by name, and how many workers listen for what is sent to them."""

    queues: Mapping[str, Queue]
    workers: int


class Queues:
    """The queues of all workers."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

    async def backlog(self) -> Backlog:
        """What waits, in three round trips however much it is.

        Raises:
            ServiceUnavailable: Redis does not answer.
        """
        try:
            return await asyncio.to_thread(_backlog, self._broker)
        except RedisError as error:
            raise ServiceUnavailable("Redis") from error


def _backlog(broker: RedisBroker) -> Backlog:
    names = sorted(set(QUEUES.values()))
    key = f"{broker.namespace}:{{}}".format
    # As of one moment, for a message that waits is in two places.
    counting = broker.client.pipeline(transaction=True)
    for name in names:
        counting.lrange(key(name), 0, 0)
        counting.llen(key(name))
        counting.hlen(key(f"{name}.msgs"))
        counting.hlen(key(f"{dq_name(name)}.msgs"))
        counting.zcard(key(xq_name(name)))
    counts = iter(counting.execute())
    rows = {name: [next(counts) for _ in range(5)] for name in names}
    reading = broker.client.pipeline(transaction=False)
    for name, (first, *_) in rows.items():
        reading.hmget(key(f"{name}.msgs"), first or [b""])
    firsts = [messages[0] for messages in reading.execute()]
    ((_, listening),) = broker.client.pubsub_numsub(SENT)
    return Backlog(
        {
            name: Queue(
                waiting=waiting,
                taken=max(0, held - waiting),
                delayed=delayed,
                dead=dead,
                oldest=_age(message),
            )
            for (name, (_, waiting, held, delayed, dead)), message in zip(rows.items(), firsts, strict=True)
        },
        listening,
    )


def _age(message: Any) -> float:
    """Seconds since a message was sent; none where it is gone since it was seen."""
    if message is None:
        return 0
    return max(0.0, time.time() - Message.decode(message).message_timestamp / 1000)
