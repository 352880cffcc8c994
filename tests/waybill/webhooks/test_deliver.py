"""Attempts at a delivery: what each answer leads to, when the next comes, and who gets a turn."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from dramatiq.brokers.redis import RedisBroker
from standardwebhooks import WebhookVerificationError

from tests.receiver import Message, Receiver, running_receiver
from tests.waybill.webhooks.records import DAY, deliveries, make_due, new_delivery, new_webhook, sent_for
from waybill.platform.mongo import connection
from waybill.platform.mongo.expressions import NOW, InSeconds
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import RECONCILE_AFTER_SECONDS
from waybill.resources import Resources
from waybill.webhooks import deliver as module
from waybill.webhooks import delivery_repository, repository
from waybill.webhooks.concurrency import MAX_CONCURRENT_ATTEMPTS, SLOW_SECONDS, EndpointLimiter
from waybill.webhooks.deliver import JITTER, LEASE_SECONDS, RETRY_DELAYS_SECONDS, deliver
from waybill.webhooks.deliveries import redeliver
from waybill.webhooks.model import Delivery, DeliveryStatus, Webhook
from waybill.webhooks.reconcile import reconcile_deliveries
from waybill.webhooks.service import WebhookChanges, update_webhook


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as running:
        yield running


@pytest.fixture
async def webhook(resources: Resources, owner: str, receiver: Receiver) -> Webhook:
    return await new_webhook(owner, receiver.url)


async def again(delivery_id: str) -> Delivery:
    return await delivery_repository.find_delivery(delivery_id)


async def attempted(resources: Resources, delivery_id: str) -> Delivery:
    """The delivery after an attempt at it."""
    before = len((await again(delivery_id)).attempts)
    await deliver(resources, delivery_id)
    after = await again(delivery_id)
    assert len(after.attempts) == before + 1
    return after


def answering(status: int, **headers: str) -> Any:
    """An answer of that status."""
    return lambda _: web.Response(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


async def test_attempts_come_at_growing_intervals_and_end(
    resources: Resources, webhook: Webhook, receiver: Receiver
) -> None:
    receiver.answer = answering(500)
    delivery_id = await new_delivery(webhook)
    for number, wait in enumerate(RETRY_DELAYS_SECONDS, start=1):
        delivery = await attempted(resources, delivery_id)
        assert delivery.status == "PENDING"
        assert delivery.next_attempt_at is not None
        assert delivery.next_attempt_at == delivery.due_at
        began_at = delivery.attempts[-1].at
        left = delivery.next_attempt_at - await connection.database_time()
        assert left <= timedelta(seconds=wait * (1 + JITTER))
        assert delivery.next_attempt_at - began_at >= timedelta(seconds=wait)
        # Before its time nothing is tried.
        await deliver(resources, delivery_id)
        assert len(receiver.messages) == number
        await make_due(delivery_id)
    last = await attempted(resources, delivery_id)
    assert (last.status, last.due_at, last.next_attempt_at) == ("FAILED", None, None)
    assert [attempt.status_code for attempt in last.attempts] == [500] * (len(RETRY_DELAYS_SECONDS) + 1)
    assert len({message.id for message in receiver.messages}) == 1
    await deliver(resources, delivery_id)
    assert len(receiver.messages) == len(RETRY_DELAYS_SECONDS) + 1


async def test_each_attempt_is_signed_anew(
    resources: Resources, webhook: Webhook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answer = answering(500)
    delivery_id = await new_delivery(webhook)
    for _ in range(2):
        delivery = await attempted(resources, delivery_id)
        message = receiver.messages[-1]
        assert message.verified(webhook.secret) == {"type": "ping"}
        assert int(message.headers["webhook-timestamp"]) == int(delivery.attempts[-1].at.timestamp())
        await make_due(delivery_id)


async def test_the_secret_before_signs_for_a_day(
    resources: Resources, webhook: Webhook, receiver: Receiver
) -> None:
    for until_, signs in ((60, True), (-1, False)):
        await repository.change_webhook(
            webhook, {}, secret=webhook.secret, previous_secret=OLD, previous_until=InSeconds(until_)
        )
        await attempted(resources, await new_delivery(webhook))
        message = receiver.messages[-1]
        assert message.verified(webhook.secret)
        if signs:
            assert message.verified(OLD)
        else:
            with pytest.raises(WebhookVerificationError):
                message.verified(OLD)


OLD = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_any_2xx_is_a_receipt(
    resources: Resources, webhook: Webhook, receiver: Receiver, status: int
) -> None:
    receiver.answer = answering(status)
    delivery = await attempted(resources, await new_delivery(webhook))
    assert (delivery.status, delivery.due_at, delivery.next_attempt_at) == ("DELIVERED", None, None)
    assert delivery.delivered_at is not None


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500])
async def test_nothing_else_is(
    resources: Resources, webhook: Webhook, receiver: Receiver, status: int
) -> None:
    receiver.answer = answering(status, Location="/elsewhere")
    delivery = await attempted(resources, await new_delivery(webhook))
    assert (delivery.status, delivery.delivered_at) == ("PENDING", None)
    assert len(receiver.messages) == 1


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (429, "3600", 3600),
        (503, "3600", 3600),
        (503, "1", RETRY_DELAYS_SECONDS[0]),
        (503, "99999999", 86_400),
        (500, "3600", RETRY_DELAYS_SECONDS[0]),
    ],
)
async def test_a_receiver_that_is_busy_says_when(
    resources: Resources, webhook: Webhook, receiver: Receiver, *, status: int, asked: str, seconds: int
) -> None:
    receiver.answer = answering(status, Retry_After=asked)
    delivery = await attempted(resources, await new_delivery(webhook))
    assert delivery.next_attempt_at is not None
    assert delivery.next_attempt_at - delivery.attempts[-1].at >= timedelta(seconds=seconds)
    left = delivery.next_attempt_at - await connection.database_time()
    assert left <= timedelta(seconds=seconds * (1 + JITTER))


async def test_gone_disables_the_webhook(resources: Resources, webhook: Webhook, receiver: Receiver) -> None:
    receiver.answer = answering(410)
    waiting = await new_delivery(webhook)
    delivery = await attempted(resources, await new_delivery(webhook))
    assert delivery.status == "FAILED"
    found = await repository.find_webhook(webhook.webhook_id)
    assert (found.enabled, found.disabled_reason) == (False, "GONE")
    # Its other deliveries fail without a request.
    failed = await again(waiting)
    assert (failed.status, failed.attempts[-1].error) == ("FAILED", "the webhook is disabled")
    assert len(receiver.messages) == 1
    changes = WebhookChanges(enabled=True)
    enabled = await update_webhook(resources.settings, Principal(webhook.owner), webhook.webhook_id, changes)
    assert (enabled.enabled, enabled.disabled_reason) == (True, None)


async def test_gone_says_nothing_of_another_address(
    resources: Resources, webhook: Webhook, receiver: Receiver
) -> None:
    async def moved_meanwhile(_: Message) -> web.Response:
        await repository.change_webhook(webhook, {}, url=f"{receiver.url}/new")
        return web.Response(status=410)

    receiver.answer = moved_meanwhile
    await attempted(resources, await new_delivery(webhook))
    assert (await repository.find_webhook(webhook.webhook_id)).enabled


async def test_a_webhook_that_fails_for_days_is_disabled(
    resources: Resources, webhook: Webhook, receiver: Receiver
) -> None:
    receiver.answer = answering(500)
    await attempted(resources, await new_delivery(webhook))
    failing = await repository.find_webhook(webhook.webhook_id)
    assert failing.enabled
    assert failing.failing_since is not None
    receiver.answer = answering(200)
    await attempted(resources, await new_delivery(webhook))
    assert (await repository.find_webhook(webhook.webhook_id)).failing_since is None
    receiver.answer = answering(500)
    last = len(RETRY_DELAYS_SECONDS)
    # Not while there is another attempt to come, for that may succeed.
    for days, tried, is_enabled in ((4, last, True), (6, last - 1, True), (6, last, False)):
        await repository.change_webhook(webhook, {}, failing_since=InSeconds(-days * DAY.total_seconds()))
        await attempted(resources, await new_delivery(webhook, tried=tried))
        found = await repository.find_webhook(webhook.webhook_id)
        assert (found.enabled, found.disabled_reason) == (is_enabled, None if is_enabled else "FAILING")


async def test_two_workers_make_one_attempt(
    resources: Resources, webhook: Webhook, receiver: Receiver
) -> None:
    delivery_id = await new_delivery(webhook)
    await asyncio.gather(*(deliver(resources, delivery_id) for _ in range(MAX_CONCURRENT_ATTEMPTS)))
    assert len(receiver.messages) == 1
    assert (await again(delivery_id)).status == "DELIVERED"


async def test_an_attempt_that_lost_its_lease_writes_nothing(
    resources: Resources, webhook: Webhook, receiver: Receiver
) -> None:
    delivery_id = await new_delivery(webhook)

    async def late(_: Message) -> web.Response:
        await delivery_repository.change_delivery(delivery_id, {}, attempt="another")
        return web.Response(status=500)

    receiver.answer = late
    await deliver(resources, delivery_id)
    delivery = await again(delivery_id)
    assert (delivery.attempts, delivery.attempt) == ([], "another")


async def test_an_attempt_that_is_told_to_stop_gives_the_delivery_back(
    resources: Resources, webhook: Webhook, receiver: Receiver
) -> None:
    came = asyncio.Event()

    async def endless(_: Message) -> web.Response:
        came.set()
        await asyncio.Event().wait()
        raise AssertionError

    receiver.answer = endless
    delivery_id = await new_delivery(webhook)
    attempt = asyncio.create_task(deliver(resources, delivery_id))
    await came.wait()
    held = await again(delivery_id)
    assert held.attempt is not None
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert (await again(delivery_id)).attempt is None
    receiver.answer = answering(200)
    assert (await attempted(resources, delivery_id)).status == "DELIVERED"


async def test_a_worker_that_died_in_an_attempt_is_made_up_for(
    resources: Resources, broker: RedisBroker, webhook: Webhook, receiver: Receiver
) -> None:
    delivery_id = await new_delivery(webhook, attempt="dead", due_at=InSeconds(LEASE_SECONDS))
    await deliver(resources, delivery_id)
    assert (await reconcile_deliveries(resources), receiver.messages) == (0, [])
    await make_due(delivery_id)
    assert await reconcile_deliveries(resources) == 1
    assert sent_for(broker) == [delivery_id]
    assert (await attempted(resources, delivery_id)).status == "DELIVERED"


async def test_what_is_due_is_sent_for_and_put_off(
    resources: Resources, broker: RedisBroker, webhook: Webhook
) -> None:
    due = [await new_delivery(webhook, due_at=InSeconds(-1)) for _ in range(3)]
    await new_delivery(webhook)
    assert await reconcile_deliveries(resources) == 3
    assert sorted(sent_for(broker)) == sorted(due)
    assert await reconcile_deliveries(resources) == 0
    for delivery_id in due:
        due_at = (await again(delivery_id)).due_at
        assert due_at is not None
        assert due_at - await connection.database_time() <= timedelta(seconds=RECONCILE_AFTER_SECONDS)


async def test_no_more_is_sent_than_there_is_room_for(
    resources: Resources, broker: RedisBroker, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waybill.webhooks.reconcile.MAX_DELIVERIES", 2)
    due = [await new_delivery(webhook, due_at=InSeconds(-9 + number)) for number in range(3)]
    assert [await reconcile_deliveries(resources) for _ in range(2)] == [2, 0]
    assert sorted(sent_for(broker)) == sorted(due[:2])


async def test_a_message_can_be_sent_again_at_any_time(
    resources: Resources, webhook: Webhook, receiver: Receiver
) -> None:
    principal = Principal(webhook.owner)
    receiver.answer = answering(410)
    delivery_id = await new_delivery(webhook, tried=len(RETRY_DELAYS_SECONDS))
    assert (await attempted(resources, delivery_id)).status == "FAILED"
    await repository.change_webhook(webhook, {}, enabled=True)
    receiver.answer = answering(500)
    for _ in range(2):
        # After it failed, and while the next attempt is hours away.
        waiting = await redeliver(resources, principal, webhook.webhook_id, delivery_id)
        assert (waiting.status, waiting.tried) == ("PENDING", 0)
        assert (await attempted(resources, delivery_id)).status == "PENDING"
    receiver.answer = answering(200)
    await redeliver(resources, principal, webhook.webhook_id, delivery_id)
    assert (await attempted(resources, delivery_id)).status == "DELIVERED"
    assert len({(message.id, message.body) for message in receiver.messages}) == 1


async def test_only_the_latest_attempts_are_remembered(
    resources: Resources, webhook: Webhook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_RECORDED_ATTEMPTS", 3)
    delivery_id = await new_delivery(webhook)
    for status in (500, 501, 502, 503):
        receiver.answer = answering(status)
        await deliver(resources, delivery_id)
        await make_due(delivery_id)
    assert [attempt.status_code for attempt in (await again(delivery_id)).attempts] == [501, 502, 503]


async def test_a_slow_receiver_holds_up_nobody_else(
    resources: Resources, broker: RedisBroker, webhook: Webhook, receiver: Receiver
) -> None:
    let_go = asyncio.Event()

    async def slow(_: Message) -> web.Response:
        await let_go.wait()
        return web.Response()

    receiver.answer = slow
    ids = [await new_delivery(webhook) for _ in range(MAX_CONCURRENT_ATTEMPTS + 2)]
    jobs = [asyncio.create_task(deliver(resources, delivery_id)) for delivery_id in ids]
    await receiver.received(MAX_CONCURRENT_ATTEMPTS)
    # Those that found no turn have ended, and their threads are free.
    done, under_way = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 2:
        more, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    assert len(under_way) == MAX_CONCURRENT_ATTEMPTS == len(receiver.messages)
    async with running_receiver() as other:
        quick = await new_webhook(webhook.owner, other.url)
        assert (await attempted(resources, await new_delivery(quick))).status == "DELIVERED"
    # They are taken up as soon as there is a turn, and not only when they are due.
    let_go.set()
    await asyncio.gather(*jobs)
    assert {(await again(delivery_id)).status for delivery_id in ids} == {"DELIVERED"}
    assert len(receiver.messages) == len(ids)
    assert sent_for(broker) == []


async def test_a_long_backlog_is_handed_on(
    resources: Resources, broker: RedisBroker, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_JOB_SECONDS", 0)
    first, second, _ = [await new_delivery(webhook) for _ in range(3)]
    await deliver(resources, first)
    assert (await again(first)).status == "DELIVERED"
    assert sent_for(broker) == [second]


def test_who_was_slow_gets_one_turn_until_it_is_quick_again() -> None:
    turns = EndpointLimiter()

    def taken() -> int:
        count = 0
        while turns.acquire("a"):
            count += 1
        for _ in range(count):
            turns.release("a")
        return count

    assert taken() == MAX_CONCURRENT_ATTEMPTS
    turns.record("a", SLOW_SECONDS)
    assert taken() == 1
    turns.record("a", 0.1)
    assert taken() == MAX_CONCURRENT_ATTEMPTS


async def test_what_a_deleted_webhook_was_owed_is_gone(
    resources: Resources, webhook: Webhook, receiver: Receiver
) -> None:
    await new_delivery(webhook)
    await repository.delete_webhook(webhook)
    # Made at the last moment.
    late = await new_delivery(webhook)
    await deliver(resources, late)
    assert await deliveries(webhook) == []
    assert receiver.messages == []


async def test_nobody_waits_for_what_is_not_there(resources: Resources) -> None:
    await deliver(resources, "msg_unknown")


async def test_a_redelivery_is_not_undone_by_an_attempt_that_was_being_made(
    resources: Resources, owner: str
) -> None:
    webhook = await new_webhook(owner)
    delivery_id = await new_delivery(webhook, attempt="a", attempt_began_at=NOW)
    await redeliver(resources, Principal(owner), webhook.webhook_id, delivery_id)
    concluded = await delivery_repository.change_delivery(
        delivery_id, {"attempt": "a"}, status=DeliveryStatus.FAILED
    )
    assert concluded is None
