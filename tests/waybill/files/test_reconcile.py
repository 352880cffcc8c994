"""What is sent for files that are due: how much at a time, and when nothing is."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from pydantic import SecretStr

from tests.service import Service, free_port
from tests.waybill.conftest import (
    DAY,
    insert_file,
    insert_files,
    new_file,
    reload,
    run_after_find,
    set_batch_size,
)
from waybill.files import due as file_due
from waybill.files import reconcile as sweeper
from waybill.files import repository, transitions
from waybill.files.due import VERIFYING
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.reconcile import reconcile_purges, reconcile_verifications
from waybill.files.send_next import send_next
from waybill.files.verification_queue import MAX_IN_FLIGHT, VerificationQueue
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import connection
from waybill.platform.mongo.expressions import InSeconds
from waybill.platform.redis.client import open_redis
from waybill.platform.redis.messages import (
    DELIVER_WEBHOOK,
    PURGE_OBJECT,
    QUEUES,
    RECONCILE_AFTER_SECONDS,
    VERIFY_UPLOAD,
    Sender,
)
from waybill.platform.redis.sweep_cursor import SweepCursor
from waybill.reconcile import reconcile
from waybill.resources import Resources
from waybill.webhooks.model import Delivery
from waybill.webhooks.reconcile import MAX_PER_WEBHOOK, reconcile_deliveries


async def to_purge(owner: str, days: int = 1) -> File:
    then = datetime.now(UTC) - days * DAY
    return await insert_file(owner, status=Status.EXPIRED, purge_at=then, due_at=then)


async def to_verify(owner: str, **fields: Any) -> File:
    due_at = datetime.now(UTC) - DAY
    return await insert_file(owner, status=Status.PROCESSING, **{"due_at": due_at} | fields)


def sent(broker: RedisBroker, actor: str) -> list[tuple[str, ...]]:
    """The arguments of all messages that wait."""
    waiting: Any = broker.client.hvals(f"dramatiq:{QUEUES[actor]}.msgs")
    return [tuple(Message.decode(message).args) for message in waiting]


def ids(*files: File) -> set[str]:
    return {file.file_id for file in files}


async def is_put_off(file: File) -> bool:
    due_at = (await reload(file)).due_at
    assert due_at is not None
    now = await connection.database_time()
    return now < due_at <= now + timedelta(seconds=RECONCILE_AFTER_SECONDS)


async def test_a_purge_is_for_many_files_and_a_verification_for_one(
    resources: Resources, broker: RedisBroker, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_batch_size(monkeypatch, "find_due_purges", 100)
    purges = [await to_purge(owner) for _ in range(230)]
    verifications = [await to_verify(owner, attempt="silent") for _ in range(3)]
    await to_purge(owner, days=-1)
    assert await reconcile_purges(resources) == 230
    messages = sent(broker, PURGE_OBJECT)
    assert sorted(map(len, messages)) == [30, 100, 100]
    assert {file_id for message in messages for file_id in message} == ids(*purges)
    for file in purges:
        assert await is_put_off(file)
    assert await reconcile_verifications(resources) == 3
    assert sorted(sent(broker, VERIFY_UPLOAD)) == sorted((file.file_id,) for file in verifications)
    # They stay due. Redis knows that they are sent.
    await reconcile(resources)
    assert len(sent(broker, VERIFY_UPLOAD)) == 3
    assert len(sent(broker, PURGE_OBJECT)) == 3
    # Redis is emptied, and knows nothing.
    broker.client.flushdb()
    await reconcile(resources)
    assert sorted(sent(broker, VERIFY_UPLOAD)) == sorted((file.file_id,) for file in verifications)
    assert sent(broker, PURGE_OBJECT) == []


async def test_purges_are_sent_behind_a_long_backlog_of_verifications(
    resources: Resources, broker: RedisBroker, owner: str
) -> None:
    """Both kinds used to be searched for in one, the longest due first, and sent up to 500 at a time."""
    past = datetime.now(UTC) - 2 * DAY
    await insert_files([new_file(owner, status=Status.PROCESSING, due_at=past) for _ in range(1200)])
    purge = await to_purge(owner)
    await reconcile(resources)
    assert sent(broker, PURGE_OBJECT) == [(purge.file_id,)]


async def test_verifications_are_sent_behind_a_long_backlog_of_purges(
    resources: Resources, broker: RedisBroker, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "MAX_PURGES", 2)
    past = datetime.now(UTC) - 2 * DAY
    await insert_files(
        [new_file(owner, status=Status.EXPIRED, purge_at=past, due_at=past) for _ in range(1200)]
    )
    file = await to_verify(owner)
    await reconcile(resources)
    assert sent(broker, VERIFY_UPLOAD) == [(file.file_id,)]


async def test_no_more_purges_are_sent_than_there_is_room(
    resources: Resources, broker: RedisBroker, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_batch_size(monkeypatch, "find_due_purges", 10)
    monkeypatch.setattr(sweeper, "MAX_PURGES", 2)
    monkeypatch.setattr(sweeper, "FILES_PER_PURGE", 3)
    first = [await to_purge(owner, days=3) for _ in range(10)]
    behind = await to_purge(owner)
    assert await reconcile_purges(resources) == 6
    assert [len(message) for message in sent(broker, PURGE_OBJECT)] == [3, 3]
    for file in first:
        assert await is_put_off(file)
    # The queue was full: the batch after this one was not touched.
    assert (await reload(behind)).due_at == behind.due_at
    # It is full still, and those before are out of the way.
    assert await reconcile_purges(resources) == 0
    assert await is_put_off(behind)
    broker.client.flushdb()
    for file in first:
        await transitions.change(file, {}, due_at=InSeconds(-1))
    assert await reconcile_purges(resources) == 6


async def test_each_owner_gets_a_share_of_the_queue(
    resources: Resources, broker: RedisBroker, owner: str
) -> None:
    """An older rule sent the longest overdue first, of all owners."""
    past = datetime.now(UTC) - 2 * DAY
    many = [new_file(f"{owner}-many", status=Status.PROCESSING, due_at=past) for _ in range(1000)]
    await insert_files(many)
    few = [await to_verify(f"{owner}-{other}") for other in range(300)]
    assert await reconcile_verifications(resources) == MAX_IN_FLIGHT + 300
    messages = {file_id for (file_id,) in sent(broker, VERIFY_UPLOAD)}
    assert ids(*few) < messages
    # Those that are due for longest.
    assert len(messages & ids(*many)) == MAX_IN_FLIGHT


async def test_a_run_goes_on_where_the_one_before_had_no_more_room(
    resources: Resources, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "MAX_VERIFICATIONS", 10)
    files = [await to_verify(f"owner-{number:02}") for number in range(25)]
    order = []
    for _ in range(3):
        await reconcile_verifications(resources)
        order.append({file_id for (file_id,) in sent(broker, VERIFY_UPLOAD)})
        # They are taken, and their messages are lost.
        broker.client.delete(f"dramatiq:{QUEUES[VERIFY_UPLOAD]}", f"dramatiq:{QUEUES[VERIFY_UPLOAD]}.msgs")
    assert order == [ids(*files[:10]), ids(*files[10:20]), ids(*files[20:])]


@pytest.mark.parametrize("page", [2, 3, 7, 256])
async def test_owners_are_found_page_by_page(resources: Resources, page: int) -> None:
    files: dict[str, list[str]] = {}
    for name, number in {"a": 1, "b": 5, "c": 2, "d": 1, "e": 3}.items():
        for days in range(number, 0, -1):
            file = await to_verify(name, due_at=datetime.now(UTC) - days * DAY)
            files.setdefault(name, []).append(file.file_id)
    await to_verify("a", due_at=datetime.now(UTC) + DAY)
    await to_verify("c", deleted_at=datetime.now(UTC))
    await to_purge("a")
    found = [group async for group in file_due.find_due_owners("", page)]
    assert {group.key: [str(file_id) for file_id in group.ids] for group in found} == {
        name: each[:page] for name, each in files.items()
    }
    assert all(group.has_more or len(group.ids) == len(files[group.key]) for group in found)
    assert [group.key async for group in file_due.find_due_owners("c", page)] == ["d", "e"]


async def test_the_searches_are_on_indexes(resources: Resources, owner: str) -> None:
    """Each reads the documents that it returns, and few others, in any collection."""
    past = datetime.now(UTC) - 2 * DAY
    await insert_files([new_file(owner, status=Status.PROCESSING, due_at=past) for _ in range(1000)])
    await insert_files(
        [new_file(owner, status=Status.EXPIRED, purge_at=past, due_at=past) for _ in range(1000)]
    )
    await insert_files([new_file(owner, status=Status.COMPLETED, sha256=str(n)) for n in range(1000)])
    await to_verify("owner-z")
    files = File.get_motor_collection()
    due = {"due_at": {"$lte": datetime.now(UTC)}}
    queries = [
        files.find({"owner": {"$gt": owner}, **VERIFYING, **due}).sort([("owner", 1), ("due_at", 1)]),
        files.find({"owner": owner, **VERIFYING, **due}).sort("due_at", 1).limit(64),
        files.find({**due, "purge_at": {"$exists": True}}).sort("due_at", 1).limit(64),
    ]
    for query in queries:
        stats = (await query.explain())["executionStats"]
        assert stats["totalKeysExamined"] <= stats["nReturned"] + 2, stats
        assert stats["totalDocsExamined"] <= stats["nReturned"], stats


async def test_without_redis_nothing_is_touched(
    resources: Resources, stopped_service: Service, owner: str
) -> None:
    files = [await to_purge(owner), await to_verify(owner)]
    anonymous = SecretStr(f"redis://127.0.0.1:{free_port()}/0")
    async with open_redis(anonymous.get_secret_value()) as redis:
        away = replace(
            resources,
            sender=Sender(redis, "dramatiq"),
            verifications=VerificationQueue(redis, "dramatiq"),
            sweep_cursor=SweepCursor(redis),
        )
        with pytest.raises(ServiceUnavailable):
            await reconcile(away)
        assert await away.sender.send_many(PURGE_OBJECT, [["a"], ["b"]]) == 0
        await away.verifications.send(owner, files[1].file_id)
        await send_next(away, files[1])
    assert [await reload(file) for file in files] == files


@pytest.mark.parametrize("dies", [True, False])
async def test_what_was_not_sent_stays_due(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    set_batch_size(monkeypatch, "find_due_purges", 10)
    files = [await to_purge(owner, days=2) for _ in range(10)]
    behind = await to_purge(owner)

    async def send_nothing(*_: Any) -> int:
        if dies:
            raise KilledError
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(Sender, "send_many", send_nothing)
        with pytest.raises(KilledError) if dies else nullcontext():
            assert await reconcile_purges(resources) == 0
    for file in files:
        assert await is_put_off(file)
    assert (await reload(behind)).due_at == behind.due_at


class KilledError(BaseException):
    """Nothing catches it, as nothing does a kill."""


async def test_a_lease_is_left_alone(resources: Resources, broker: RedisBroker, owner: str) -> None:
    """Whether it ran out is for the worker to decide that gets the message."""
    held = await to_verify(owner, attempt="alive", due_at=datetime.now(UTC) + DAY)
    silent = await to_verify(owner, attempt="silent")
    assert await reconcile_verifications(resources) == 1
    assert sent(broker, VERIFY_UPLOAD) == [(silent.file_id,)]
    assert [await reload(file) for file in (held, silent)] == [held, silent]


async def test_a_file_that_was_restored_meanwhile_is_not_purged(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = datetime.now(UTC) - DAY
    fields = {"deleted_at": past, "purge_at": past, "due_at": past}
    files = [
        await insert_file(owner, status=Status.COMPLETED, sha256=owner, **fields),
        await insert_file(owner, status=Status.PROCESSING, **fields),
    ]

    async def restore() -> None:
        await transitions.restore(files[0], None, due_at=None)
        await transitions.restore(files[1], None, due_at=past)

    run_after_find(monkeypatch, "find_due_purges", restore)
    assert await reconcile_purges(resources) == 0
    assert [(await reload(file)).due_at for file in files] == [None, files[1].due_at]


async def test_one_webhooks_backlog_does_not_hold_up_anothers(
    resources: Resources, broker: RedisBroker
) -> None:
    """An older rule sent the longest overdue first, of all owners, up to 500."""
    past = datetime.now(UTC) - 2 * DAY
    many, few = repository.new_id(), repository.new_id()
    await Delivery.get_motor_collection().insert_many(
        [
            *(
                {"_id": f"many-{n}", "webhook": many, "status": "PENDING", "due_at": past}
                for n in range(1000)
            ),
            {"_id": "few", "webhook": few, "status": "PENDING", "due_at": past + DAY},
        ]
    )
    assert await reconcile_deliveries(resources) == MAX_PER_WEBHOOK + 1
    assert ("few",) in sent(broker, DELIVER_WEBHOOK)
    assert await reconcile_deliveries(resources) == MAX_PER_WEBHOOK
