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
from tests.waybill.conftest import DAY, again, in_batches, kept, late
from waybill import documents
from waybill.documents import File, Later
from waybill.errors import ServiceUnavailable
from waybill.lifecycle import Status
from waybill.messages import PATIENCE, PURGE_OBJECT, QUEUES, VERIFY_UPLOAD, Sender
from waybill.redis import open_redis
from waybill.resources import Resources
from waybill.usecases import reconcile as sweeper
from waybill.usecases.reconcile import reconcile


async def to_purge(owner: str, days: int = 1) -> File:
    then = datetime.now(UTC) - days * DAY
    return await kept(owner, status=Status.EXPIRED, purge_at=then, due_at=then)


async def to_verify(owner: str, **fields: Any) -> File:
    due_at = datetime.now(UTC) - DAY
    return await kept(owner, status=Status.PROCESSING, **{"due_at": due_at} | fields)


def sent(broker: RedisBroker, actor: str) -> list[tuple[str, ...]]:
    """The arguments of all messages that wait."""
    waiting = broker.client.hvals(f"dramatiq:{QUEUES[actor]}.msgs")
    return [tuple(Message.decode(message).args) for message in waiting]


def ids(*files: File) -> set[str]:
    return {file.file_id for file in files}


async def is_put_off(file: File) -> bool:
    due_at = (await again(file)).due_at
    assert due_at is not None
    now = await documents.database_time()
    return now < due_at <= now + timedelta(seconds=PATIENCE)


async def test_purges_go_together_and_verifications_alone(
    resources: Resources, broker: RedisBroker, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_batches(monkeypatch, "find_due", 100)
    purges = [await to_purge(owner) for _ in range(230)]
    verifications = [await to_verify(owner, attempt="silent") for _ in range(3)]
    await to_purge(owner, days=-1)
    assert await reconcile(resources) == 233
    messages = sent(broker, PURGE_OBJECT)
    assert sorted(map(len, messages)) in ([27, 100, 100], [30, 100, 100], [33, 97, 100])
    assert {file_id for message in messages for file_id in message} == ids(*purges)
    assert sorted(sent(broker, VERIFY_UPLOAD)) == sorted((file.file_id,) for file in verifications)
    for file in (*purges, *verifications):
        assert await is_put_off(file)
    assert (await again(verifications[0])).attempt is None
    assert await reconcile(resources) == 0


async def test_nothing_is_sent_beyond_the_room_and_nothing_blocks_what_follows(
    resources: Resources, broker: RedisBroker, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_batches(monkeypatch, "find_due", 10)
    monkeypatch.setattr(sweeper, "LONGEST_QUEUE", 2)
    monkeypatch.setattr(sweeper, "TOGETHER", {PURGE_OBJECT: 3, VERIFY_UPLOAD: 1})
    first = [await to_purge(owner, days=3) for _ in range(9)]
    beside = await to_verify(owner, due_at=datetime.now(UTC) - 2 * DAY)
    behind = await to_purge(owner)
    assert await reconcile(resources) == 7
    assert [len(message) for message in sent(broker, PURGE_OBJECT)] == [3, 3]
    assert sent(broker, VERIFY_UPLOAD) == [(beside.file_id,)]
    for file in first:
        assert await is_put_off(file)
    # The queue was full: the batch after this one was not touched.
    assert (await again(behind)).due_at == behind.due_at
    # It is full still, and those before are out of the way.
    assert await reconcile(resources) == 0
    assert await is_put_off(behind)
    broker.client.flushdb()
    for file in first:
        await documents.change(file, {}, due_at=Later(-1))
    assert await reconcile(resources) == 6


async def test_without_redis_nothing_is_touched(resources: Resources, idle: Service, owner: str) -> None:
    file = await to_purge(owner)
    nobody = SecretStr(f"redis://127.0.0.1:{free_port()}/0")
    async with open_redis(nobody.get_secret_value()) as redis:
        away = replace(resources, sender=Sender(redis, "dramatiq"))
        with pytest.raises(ServiceUnavailable):
            await reconcile(away)
        assert await away.sender.send_many(PURGE_OBJECT, [["a"], ["b"]]) == 0
    assert await again(file) == file


@pytest.mark.parametrize("dies", [True, False])
async def test_what_was_not_sent_stays_due(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    in_batches(monkeypatch, "find_due", 10)
    files = [await to_purge(owner, days=2) for _ in range(10)]
    behind = await to_purge(owner)

    async def send_nothing(*_: Any) -> int:
        if dies:
            raise KilledError
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(Sender, "send_many", send_nothing)
        with pytest.raises(KilledError) if dies else nullcontext():
            assert await reconcile(resources) == 0
    for file in files:
        assert await is_put_off(file)
    assert (await again(behind)).due_at == behind.due_at


class KilledError(BaseException):
    """Nothing catches it, as nothing does a kill."""


async def test_a_lease_that_is_renewed_meanwhile_is_kept(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = await to_verify(owner, attempt="alive")
    silent = await to_verify(owner, attempt="silent")
    late(monkeypatch, "find_due", lambda: documents.change(renewed, {"attempt": "alive"}, due_at=Later(15)))
    await reconcile(resources)
    assert (await again(renewed)).attempt == "alive"
    assert (await again(silent)).attempt is None


async def test_a_file_that_was_restored_meanwhile_is_owed_nothing(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = datetime.now(UTC) - DAY
    file = await kept(
        owner, status=Status.COMPLETED, sha256=owner, deleted_at=past, purge_at=past, due_at=past
    )
    late(monkeypatch, "find_due", lambda: documents.restore(file, None, due_at=None))
    assert await reconcile(resources) == 0
    assert (await again(file)).due_at is None


async def test_what_is_due_and_owed_nothing_is_due_no_more(resources: Resources, owner: str) -> None:
    file = await kept(owner, status=Status.COMPLETED, sha256=owner, due_at=datetime.now(UTC) - DAY)
    assert await reconcile(resources) == 0
    assert (await again(file)).due_at is None
