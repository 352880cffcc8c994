"""From a change to its deliveries: none is lost or made twice, also if a process dies at any point."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from dramatiq.brokers.redis import RedisBroker

from tests.waiting import until
from tests.waybill.conftest import DAY, insert_file
from tests.waybill.webhooks.records import deleted, deliveries, failed, new_webhook, sent_for
from waybill.events import change_stream
from waybill.events.change_stream import HistoryLostError
from waybill.files import transitions
from waybill.platform.mongo import lease
from waybill.platform.mongo.expressions import NOW
from waybill.platform.mongo.lease import Lease
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import Sender
from waybill.resources import Resources
from waybill.webhooks import consumer as module
from waybill.webhooks import delivery_repository, repository
from waybill.webhooks.consumer import LEASE_NAME, consume_changes
from waybill.webhooks.model import Delivery, Webhook
from waybill.webhooks.service import WebhookChanges, update_webhook

#: A position that MongoDB has never had.
NOWHERE = "8200000000"


class KilledError(BaseException):
    """Nothing catches it, as nothing does a kill."""


@asynccontextmanager
async def consuming(resources: Resources) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that follows."""
    task = asyncio.create_task(consume_changes(resources))
    try:
        yield task
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=2)


async def stored_lease() -> Lease | None:
    found: Lease | None = await Lease.get(LEASE_NAME)
    return found


async def come(webhook: Webhook, count: int) -> list[Delivery]:
    """The deliveries of a webhook, once there are so many."""

    async def enough() -> list[Delivery]:
        found = await deliveries(webhook)
        return found if len(found) >= count else []

    found: list[Delivery] = await until(enough, "there are so many deliveries")
    return found


async def sent(broker: RedisBroker, *expected: Delivery) -> None:
    """Wait until there is a message for each of them."""

    async def all_sent() -> bool:
        return {delivery.id for delivery in expected} <= set(sent_for(broker))

    await until(all_sent, "all is sent")


async def test_each_change_is_owed_once_to_each_that_wants_it(
    resources: Resources, broker: RedisBroker, owner: str
) -> None:
    everything = await new_webhook(owner)
    failures = await new_webhook(owner, events=["file.failed"])
    disabled = await new_webhook(owner, enabled=False)
    foreign = await new_webhook(f"not-{owner}")
    async with consuming(resources):
        await deleted(owner)
        file = await failed(owner)
        [second, first] = sorted(await come(everything, 2), key=lambda one: one.type == "file.deleted")
        assert (first.type, second.type) == ("file.deleted", "file.failed")
        [only] = await come(failures, 1)
        assert (only.type, only.file, only.status) == ("file.failed", file.id, "PENDING")
        assert only.body == second.body
        assert only.id != second.id
        await sent(broker, first, second, only)
        assert await deliveries(disabled) == await deliveries(foreign) == []


async def test_a_change_that_comes_before_the_first_look_is_told(resources: Resources, owner: str) -> None:
    """The first webhook: no worker has read the change stream, and there is no checkpoint."""
    await deleted(owner)
    webhook = await new_webhook(owner)
    file = await failed(owner)
    async with consuming(resources):
        [delivery] = await come(webhook, 1)
    assert (delivery.type, delivery.file) == ("file.failed", file.id)


async def test_what_was_before_a_webhook_is_not_its_business(resources: Resources, owner: str) -> None:
    """Also if it is read after the webhook was created, here because no worker consumed."""
    early = await new_webhook(owner)
    await deleted(owner)
    late = await new_webhook(owner)
    paused = await new_webhook(owner)
    settings = resources.settings
    principal = Principal(owner)
    await update_webhook(settings, principal, paused.webhook_id, WebhookChanges(enabled=False))
    await failed(owner)
    await update_webhook(settings, principal, paused.webhook_id, WebhookChanges(enabled=True))
    last = await deleted(owner)
    async with consuming(resources):
        assert len(await come(early, 3)) == 3
        assert len(await come(late, 2)) == 2
        [delivery] = await come(paused, 1)
    assert delivery.file == last.id


@pytest.mark.parametrize("step", ["make", "send", "note"])
async def test_a_worker_that_dies_at_any_step_loses_and_doubles_nothing(
    resources: Resources, broker: RedisBroker, owner: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = await insert_file(owner)
    webhook = await new_webhook(owner)
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0)

    async def die(*_: Any, **__: Any) -> None:
        raise KilledError

    await transitions.change(file, {}, deleted_at=NOW)
    with monkeypatch.context() as patch:
        match step:
            case "make":
                patch.setattr(delivery_repository, "insert_deliveries", die)
            case "send":
                patch.setattr(Sender, "send_many", die)
            case "note":
                patch.setattr(lease, "update_lease", die)
        with pytest.raises(KilledError):
            await module._read(resources, "dead", webhook.since)
    assert len(await deliveries(webhook)) == (0 if step == "make" else 1)
    await failed(owner)
    async with consuming(resources):
        found = await come(webhook, 2)
        assert sorted(delivery.type for delivery in found) == ["file.deleted", "file.failed"]
        await sent(broker, *found)


async def test_two_that_read_at_once_make_nothing_twice(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Neither has noticed yet that it is not alone.
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 3600)
    webhook = await new_webhook(owner)
    reading = [asyncio.create_task(module._read(resources, name, webhook.since)) for name in ("one", "two")]
    files = [await deleted(owner) for _ in range(20)]
    found = await come(webhook, 20)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    assert sorted(str(delivery.file) for delivery in found) == sorted(file.file_id for file in files)


async def test_one_follows_at_a_time_and_another_takes_over(resources: Resources, owner: str) -> None:
    webhook = await new_webhook(owner)
    async with consuming(resources), consuming(resources) as second:
        await deleted(owner)
        await come(webhook, 1)
        held = await stored_lease()
        assert held is not None
        # The first is dead, or was cut off: its lease runs out.
        await Lease.get_motor_collection().update_one(
            {"_id": LEASE_NAME}, {"$set": {"held_by": "dead", "held_until": datetime.now(UTC) - DAY}}
        )

        async def taken_over() -> bool:
            found = await stored_lease()
            return found is not None and found.held_by not in {"dead", held.held_by}

        await until(taken_over, "another takes over")
        assert not second.done()
        await failed(owner)
        assert len(await come(webhook, 2)) == 2


async def test_who_stops_lets_go_at_once(resources: Resources, owner: str) -> None:
    webhook = await new_webhook(owner)
    async with consuming(resources):
        await deleted(owner)
        await come(webhook, 1)
    found = await stored_lease()
    assert found is not None
    assert (found.held_by, found.held_until) == (None, None)


async def test_nobody_reads_while_nobody_is_to_be_told(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE_SECONDS", 1)
    opened = 0
    real = change_stream.watch

    def counted(**arguments: Any) -> Any:
        nonlocal opened
        # Without a position it asks for the position of now, for a new webhook.
        opened += "after" in arguments
        return real(**arguments)

    monkeypatch.setattr(change_stream, "watch", counted)
    looked = asyncio.Event()
    really = repository.find_earliest

    async def look() -> Any:
        looked.set()
        return await really()

    monkeypatch.setattr(repository, "find_earliest", look)
    async with consuming(resources):
        await new_webhook(owner, enabled=False)
        looked.clear()
        await looked.wait()
        assert (opened, await stored_lease()) == (0, None)
        webhook = await new_webhook(owner)
        await deleted(owner)
        await come(webhook, 1)
        assert opened == 1
        await repository.delete_webhook(webhook)

        async def let_go() -> bool:
            found = await stored_lease()
            return found is not None and found.held_by is None and found.position is None

        await until(let_go, "it lets go")
        # The next webhook does not receive the changes in between.
        await deleted(owner)
        webhook = await new_webhook(owner)
        await failed(owner)
        [delivery] = await come(webhook, 1)
        assert delivery.type == "file.failed"


async def test_after_a_history_that_is_lost_it_goes_on_from_now(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0)
    webhook = await new_webhook(owner)
    await repository.change_webhook(webhook, {}, since=NOWHERE)
    await deleted(owner)

    async def moved_on() -> bool:
        found = await stored_lease()
        return found is not None and found.position is not None

    async with consuming(resources):
        await until(moved_on, "it moves on")
        await failed(owner)
        [delivery] = await come(webhook, 1)
    assert delivery.type == "file.failed"


async def test_a_place_from_before_all_webhooks_does_not_matter(resources: Resources, owner: str) -> None:
    await Lease.get_motor_collection().insert_one({"_id": LEASE_NAME, "position": NOWHERE})
    webhook = await new_webhook(owner)
    await deleted(owner)
    async with consuming(resources):
        [delivery] = await come(webhook, 1)
    assert delivery.type == "file.deleted"


async def test_a_change_that_cannot_be_told_holds_up_no_other(resources: Resources, owner: str) -> None:
    webhook = await new_webhook(owner)
    broken = await insert_file(owner, sha256="by hand")
    await transitions.change(broken, {}, deleted_at=NOW)
    file = await deleted(owner)
    async with consuming(resources):
        [delivery] = await come(webhook, 1)
    assert delivery.file == file.id


async def test_one_word_of_a_lost_history_is_not_believed(
    resources: Resources, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await new_webhook(owner)
    await deleted(owner)
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    real, said = change_stream.watch, 0

    async def forgetful(**arguments: Any) -> AsyncGenerator[Any, None]:
        nonlocal said
        said += 1
        if said < module.MAX_HISTORY_LOST:
            raise HistoryLostError
        async for each in real(**arguments):
            yield each

    monkeypatch.setattr(change_stream, "watch", forgetful)
    async with consuming(resources):
        [delivery] = await come(webhook, 1)
    assert delivery.type == "file.deleted"


async def test_what_clients_cannot_see_is_told_to_nobody(resources: Resources, owner: str) -> None:
    webhook = await new_webhook(owner)
    file = await insert_file(owner)
    await transitions.change(file, {}, expire_at=None)
    await failed(owner)
    async with consuming(resources):
        [delivery] = await come(webhook, 1)
    assert delivery.type == "file.failed"
