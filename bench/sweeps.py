"""What a sweeper takes for each file of a long backlog, against one of a short backlog."""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from bench.files import pending
from bench.measure import Row, at_most
from bench.stand import api_alone
from stack.stack import Stack
from tests.service import Service
from waybill import indexes
from waybill.files.expire import expire_uploads
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.purge import purge_objects
from waybill.files.reconcile import reconcile_purges
from waybill.platform.logging import configure_logs
from waybill.platform.redis.messages import PURGE_OBJECT, QUEUES
from waybill.resources import Resources, open_resources, redis_client

FEW, MANY = 10_000, 1_000_000

#: Short backlogs that are swept before the long one, and as many after it.
REPEATS = 3

OWNERS = 100

#: Messages at a time: the threads of one worker.
WORKERS = 8

#: Microseconds a file, by step.
Times = dict[str, float]


def sweeps(stack: Stack) -> Iterator[Row]:
    """Expire, reconcile and purge abandoned uploads of a hundred owners, from one process.

    Nothing was sent for them: the store is asked for each, and finds none.
    """
    configure_logs("ERROR")
    with api_alone(stack) as service:
        _swept(service, FEW)
        before = [_swept(service, FEW) for _ in range(REPEATS)]
        many = _swept(service, MANY)
        few = [*before, *(_swept(service, FEW) for _ in range(REPEATS))]
    for step, ours in many.items():
        theirs = [times[step] for times in few]
        usual = statistics.median(theirs)
        spread = (ours / max(theirs), ours / min(theirs))
        yield Row(
            f"{step} {MANY:,} abandoned uploads",
            f"{FEW:,}",
            "µs a file",
            ours,
            usual,
            ours / usual,
            spread,
            at_most(1.3),
            f"{1e6 / ours:,.0f} files a second",
        )


def _swept(service: Service, files: int) -> Times:
    return asyncio.run(_sweep(service, files))


async def _sweep(service: Service, files: int) -> Times:
    seconds: defaultdict[str, float] = defaultdict(float)

    async def timed(step: str, work: Callable[[], Awaitable[Any]]) -> Any:
        began = time.perf_counter()
        done = await work()
        seconds[step] += time.perf_counter() - began
        return done

    with closing(redis_client(service.settings)) as redis:
        async with open_resources(service.settings, RedisBroker(client=redis, middleware=[])) as resources:
            await _fill(files)
            while await timed("expire", expire_uploads):
                pass
            # What is sent is purged before more is sent, as workers do, but not at the same time.
            while await timed("reconcile", lambda: reconcile_purges(resources)):
                messages = _taken(redis)
                await timed("purge", lambda: _purge(resources, messages))  # noqa: B023
            await _check(files)
    return {step: taken / files * 1e6 for step, taken in seconds.items()}


async def _fill(files: int) -> None:
    """Upload-requests of three days ago, a millisecond from one to the next."""
    collection = File.get_motor_collection()
    await collection.drop()
    await indexes.create_indexes()
    begin = datetime.now(UTC) - timedelta(days=3)
    for first in range(0, files, 10_000):
        batch = []
        for number in range(first, min(files, first + 10_000)):
            created_at = begin + timedelta(milliseconds=number)
            batch.append(
                pending(
                    f"owner-{number % OWNERS}",
                    name=f"holiday-{number}.jpg",
                    created_at=created_at,
                    upload_expires_at=created_at + timedelta(minutes=15),
                    expire_at=created_at + timedelta(minutes=75),
                )
            )
        await collection.insert_many(batch, ordered=False)


def _taken(redis: Any) -> list[Sequence[str]]:
    """The arguments of all messages in the queue, which is empty then."""
    queue = f"dramatiq:{QUEUES[PURGE_OBJECT]}"
    found: list[Sequence[str]] = [Message.decode(message).args for message in redis.hvals(f"{queue}.msgs")]
    redis.delete(queue, f"{queue}.msgs")
    return found


async def _purge(resources: Resources, messages: Sequence[Sequence[str]]) -> None:
    waiting = list(messages)

    async def work() -> None:
        while waiting:
            await purge_objects(resources, waiting.pop())

    await asyncio.gather(*(work() for _ in range(WORKERS)))


async def _check(files: int) -> None:
    done = {"status": Status.EXPIRED.value, "purged_at": {"$exists": True}, "due_at": None}
    found = await File.get_motor_collection().count_documents(done)
    if found != files:
        raise RuntimeError(f"{found} of {files} files were swept")
