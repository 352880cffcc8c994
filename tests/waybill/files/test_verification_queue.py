"""Few messages of each owner are in Redis; every file that waits in MongoDB gets its own in the end."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from prometheus_client import REGISTRY

from tests.actors.conftest import Bucket, open_bucket
from tests.service import Service
from tests.waybill.conftest import insert_file, insert_files, new_file
from waybill.files import repository, transitions
from waybill.files.complete import complete_upload
from waybill.files.delete import delete_file
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.reconcile import reconcile_verifications
from waybill.files.restore import restore_file
from waybill.files.send_next import send_next
from waybill.files.verification_queue import MAX_IN_FLIGHT
from waybill.files.verify import verify_upload
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import QUEUES, RECONCILE, VERIFY_UPLOAD
from waybill.resources import Resources

QUEUE = QUEUES[VERIFY_UPLOAD]


@pytest.fixture
async def bucket(stopped_service: Service) -> AsyncIterator[Bucket]:
    async for opened in open_bucket(stopped_service):
        yield opened


def queued(broker: RedisBroker) -> list[str]:
    """The files whose messages wait, in their order."""
    ids: Any = broker.client.lrange(f"dramatiq:{QUEUE}", 0, -1)
    messages: Any = broker.client.hmget(f"dramatiq:{QUEUE}.msgs", ids) if ids else []
    return [Message.decode(message).args[0] for message in messages]


def take(broker: RedisBroker) -> Message[Any] | None:
    """The next message, as a worker fetches it."""
    fetched = broker.do_fetch(QUEUE, 1)
    return Message.decode(fetched[0]) if fetched else None


async def waiting(owner: str, files: int) -> list[File]:
    """So many files that are due, in the order in which they were completed."""
    begin = datetime.now(UTC) - timedelta(hours=1)
    made = [
        new_file(owner, status=Status.PROCESSING, due_at=begin + timedelta(seconds=number))
        for number in range(files)
    ]
    await insert_files(made)
    return made


async def end(resources: Resources, broker: RedisBroker) -> str:
    """A worker takes the next message and is done with its file."""
    message = take(broker)
    assert message is not None
    file = await repository.find(message.args[0])
    await transitions.change(file, {}, status=Status.FAILED, due_at=None)
    await send_next(resources, file)
    broker.do_ack(QUEUE, message.options["redis_message_id"])
    return file.file_id


async def test_an_owner_has_few_messages_and_the_next_come_at_the_end(
    resources: Resources, broker: RedisBroker, owner: str
) -> None:
    files = [file.file_id for file in await waiting(owner, 3 * MAX_IN_FLIGHT)]
    others = [file.file_id for file in await waiting(f"{owner}-other", 5)]
    for file_id in files:
        await resources.verifications.send(owner, file_id)
    for file_id in others:
        await resources.verifications.send(f"{owner}-other", file_id)
    assert queued(broker) == files[:MAX_IN_FLIGHT] + others
    done = [await end(resources, broker) for _ in range(len(files) + len(others))]
    # The others come after those that were sent before them, and before all that waited in MongoDB.
    assert done == files[:MAX_IN_FLIGHT] + others + files[MAX_IN_FLIGHT:]
    assert queued(broker) == []
    assert broker.client.keys("waybill:in_flight:*") == []


async def test_more_workers_than_an_owner_may_have_messages_stay_busy(
    resources: Resources, broker: RedisBroker, owner: str
) -> None:
    """What limits an owner is the queue in which others wait, and not the number of workers."""
    files = await waiting(owner, 4 * MAX_IN_FLIGHT)
    for file in files[:-1]:
        await resources.verifications.send(owner, file.file_id)
    taken = [take(broker) for _ in range(MAX_IN_FLIGHT)]
    assert None not in taken
    assert queued(broker) == []
    await resources.verifications.send(owner, files[-1].file_id)
    assert queued(broker) == [files[-1].file_id]
    await send_next(resources, files[0])
    assert len(queued(broker)) == MAX_IN_FLIGHT


async def test_a_file_has_one_message(resources: Resources, broker: RedisBroker, owner: str) -> None:
    [file] = await waiting(owner, 1)
    await asyncio.gather(
        *(resources.verifications.send(owner, file.file_id) for _ in range(5)),
        *(reconcile_verifications(resources) for _ in range(5)),
    )
    assert queued(broker) == [file.file_id]


async def test_a_full_redis_takes_no_message(resources: Resources, broker: RedisBroker, owner: str) -> None:
    [file] = await waiting(owner, 1)
    broker.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(ServiceUnavailable):
            await resources.verifications.send_waiting(owner, [file.file_id], has_more=True)
    finally:
        broker.client.config_set("maxmemory", 0)
    assert queued(broker) == []
    assert broker.client.keys("waybill:*") == []


async def test_a_file_that_waits_for_a_later_time_is_not_sent(
    resources: Resources, broker: RedisBroker, owner: str
) -> None:
    files = await waiting(owner, MAX_IN_FLIGHT + 2)
    later = files[MAX_IN_FLIGHT]
    await transitions.change(later, {}, due_at=datetime.now(UTC) + timedelta(hours=1))
    for file in files:
        await resources.verifications.send(owner, file.file_id)
    done = [await end(resources, broker) for _ in range(MAX_IN_FLIGHT + 1)]
    assert later.file_id not in done
    assert queued(broker) == []


async def test_a_deleted_file_gives_way(resources: Resources, broker: RedisBroker, owner: str) -> None:
    files = await waiting(owner, 2 * MAX_IN_FLIGHT)
    for file in files:
        await resources.verifications.send(owner, file.file_id)
    for file in files[:-1]:
        await delete_file(resources, Principal(owner), file.file_id)
    while message := take(broker):
        await verify_upload(resources, message.args[0])
        broker.do_ack(QUEUE, message.options["redis_message_id"])
        if message.args[0] == files[-1].file_id:
            break
    assert message is not None
    assert queued(broker) == []


async def test_an_emptied_redis_is_noticed(resources: Resources, broker: RedisBroker, owner: str) -> None:
    files = await waiting(owner, 3)
    for file in files:
        await resources.verifications.send(owner, file.file_id)
    broker.client.flushdb()
    for file in files:
        await send_next(resources, file)
    ticks: Any = broker.client.hvals(f"dramatiq:{QUEUES[RECONCILE]}.msgs")
    # Once, for all that were lost together.
    assert [Message.decode(tick).actor_name for tick in ticks] == [RECONCILE]


async def test_a_file_whose_job_ended_without_a_report_is_sent_again(
    resources: Resources, broker: RedisBroker, owner: str
) -> None:
    """Such as one whose worker could not read the file, because MongoDB was unavailable."""
    [file] = await waiting(owner, 1)
    await resources.verifications.send(owner, file.file_id)
    message = take(broker)
    assert message is not None
    assert await reconcile_verifications(resources) == 0
    broker.do_ack(QUEUE, message.options["redis_message_id"])
    assert await reconcile_verifications(resources) == 1


async def test_a_lost_end_takes_no_place_of_its_owner(
    resources: Resources, broker: RedisBroker, owner: str
) -> None:
    """Such as the ends of an older release, which does not report them."""
    files = await waiting(owner, 2 * MAX_IN_FLIGHT)
    for file in files[:MAX_IN_FLIGHT]:
        await resources.verifications.send(owner, file.file_id)
        await transitions.change(file, {}, status=Status.FAILED, due_at=None)
    while message := take(broker):
        broker.do_ack(QUEUE, message.options["redis_message_id"])
    assert await reconcile_verifications(resources) == MAX_IN_FLIGHT


@pytest.mark.parametrize("is_flushed", [False, True])
async def test_whatever_comes_between_every_file_is_verified_once(
    resources: Resources,
    broker: RedisBroker,
    bucket: Bucket,
    owner: str,
    *,
    is_flushed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Completes, workers that are killed, deletes, restores and reconcilers, all at once."""
    # Half of the files, of which as many have to wait: each takes 20 ms of processor time.
    in_flight = MAX_IN_FLIGHT // 2
    for module in ("send_next", "verification_queue"):
        monkeypatch.setattr(f"waybill.files.{module}.MAX_IN_FLIGHT", in_flight)
    random.seed(owner)
    resources = replace(resources, settings=resources.settings.model_copy(update={"purge_delay": 3600}))
    owners = [f"{owner}-{number}" for number in range(3)]
    files = [await insert_file(each, size=8) for each in owners for _ in range(2 * in_flight)]
    for number, file in enumerate(files):
        await bucket.put(file.object_key, f"{number:08d}".encode())
    hashed = hashes()
    left = iter(random.sample(files, len(files)))
    stopped = asyncio.Event()

    async def complete() -> None:
        for file in left:
            principal = Principal(file.owner)
            await insist(partial(complete_upload, resources, principal, file.file_id))
            if random.random() < 0.1:
                await insist(partial(delete_file, resources, principal, file.file_id))
                await asyncio.sleep(random.random() / 100)
                await insist(partial(restore_file, resources, principal, file.file_id))

    async def work() -> None:
        own = RedisBroker(client=broker.client, middleware=[])
        while not stopped.is_set():
            message = await asyncio.to_thread(take, own)
            if message is None:
                await asyncio.sleep(0.01)
            elif random.random() < 0.1:
                # Killed. Dramatiq puts the message back.
                own.do_requeue(QUEUE, message.options["redis_message_id"])
            else:
                with suppress(ServiceUnavailable):
                    await verify_upload(resources, message.args[0])
                own.do_ack(QUEUE, message.options["redis_message_id"])

    async def sweep() -> None:
        while not stopped.is_set():
            with suppress(ServiceUnavailable):
                await reconcile_verifications(resources)
            await asyncio.sleep(random.random() / 10)

    async def flush() -> None:
        for _ in range(5 if is_flushed else 0):
            await asyncio.sleep(random.random() / 5)
            broker.client.flushdb()

    async with asyncio.TaskGroup() as running:
        for task in (complete, complete, *[work] * 6, sweep, sweep, flush):
            start(running, task)
        await all_completed(files)
        stopped.set()
    # A delete takes its file from a worker in the midst of a hash, which is begun anew after the restore.
    restarted = len(files) // 5
    assert len(files) <= hashes() - hashed <= len(files) + restarted


async def insist(call: Callable[[], Awaitable[object]]) -> None:
    """Repeat a call that was answered 503, as clients do: a busy machine may be late."""
    while True:
        try:
            await call()
            return
        except ServiceUnavailable:
            await asyncio.sleep(0.1)


def start(running: asyncio.TaskGroup, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
    running.create_task(task())


async def all_completed(files: list[File]) -> None:
    deadline = time.monotonic() + 60
    while True:
        found = await repository.find_by_keys([file.object_key for file in files])
        counted = Counter(file.status for file in found.values())
        if set(counted) == {Status.COMPLETED}:
            return
        assert time.monotonic() < deadline, counted
        await asyncio.sleep(0.1)


def hashes() -> float:
    """How many objects this process has hashed."""
    return REGISTRY.get_sample_value("waybill_hash_seconds_count") or 0
