"""One attempt at a delivery: lease it, send it, record the outcome and the next attempt."""

import asyncio
import secrets
import time
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any

import structlog

from waybill.platform.errors import DeliveryNotFound, WebhookNotFound
from waybill.platform.mongo.expressions import NOW, Appended, InSeconds
from waybill.platform.redis.messages import DELIVER_WEBHOOK, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources
from waybill.webhooks import delivery_repository, repository
from waybill.webhooks.delivery_repository import READY
from waybill.webhooks.http_client import DeliveryResult
from waybill.webhooks.message import signed_headers
from waybill.webhooks.model import Attempt, Delivery, DeliveryStatus, DisabledReason, Webhook

#: Seconds of the lease of one attempt. Longer than REQUEST_TIMEOUT_SECONDS.
LEASE_SECONDS = 30

#: Seconds after which a job begins no further delivery and enqueues another job for it.
MAX_JOB_SECONDS = 20

#: Delays between attempts (Standard Webhooks, "Deliverability and reliability"): three days in total.
RETRY_DELAYS_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)

#: The largest share of a delay that is added at random, so that attempts that failed together spread out.
JITTER = 0.2

#: The longest delay that a receiver can request by Retry-After.
MAX_RETRY_AFTER_SECONDS = 86_400

#: A webhook without a success for this long is disabled when a delivery has no attempt left.
DISABLE_AFTER = timedelta(days=5)

#: How many of the latest attempts the document of a delivery stores.
MAX_RECORDED_ATTEMPTS = 30

_HEADERS = {"Content-Type": "application/json", "User-Agent": "Waybill"}
_random = SystemRandom()

log = structlog.get_logger(__name__)


async def deliver(resources: Resources, delivery_id: str) -> None:
    """Make one attempt, if the delivery is due and not leased. Safe to run twice, late or in parallel.

    The number of parallel attempts is limited for each webhook. A job over the limit returns, because each
    running job takes the webhook's next waiting delivery after its own.

    Raises:
        ServiceUnavailable: MongoDB is unavailable; the delivery stays due.
    """
    try:
        webhook_id = str((await delivery_repository.find_delivery(delivery_id)).webhook)
    except DeliveryNotFound:
        return
    limiter = resources.webhook_client.limiter
    end = time.monotonic() + MAX_JOB_SECONDS
    waiting: str | None = delivery_id
    while waiting is not None and limiter.acquire(webhook_id):
        try:
            await _attempt(resources, webhook_id, waiting)
        finally:
            limiter.release(webhook_id)
        # After the release: a job that was refused meanwhile has left its delivery waiting.
        waiting = await delivery_repository.find_waiting(webhook_id)
        if waiting is not None and time.monotonic() > end:
            await resources.sender.send(DELIVER_WEBHOOK, waiting)
            return


async def _attempt(resources: Resources, webhook_id: str, delivery_id: str) -> None:
    attempt = secrets.token_hex(8)
    held = await delivery_repository.change_delivery(
        delivery_id, READY, attempt=attempt, attempt_began_at=NOW, due_at=InSeconds(LEASE_SECONDS)
    )
    if held is None:
        return
    try:
        try:
            webhook = await repository.find_webhook(webhook_id)
        except WebhookNotFound:
            # Inserted while its webhook was being deleted.
            await delivery_repository.delete_deliveries(webhook_id)
            return
        result = await _send(resources, webhook, held)
        resources.webhook_client.limiter.record(webhook_id, result.duration_seconds)
        await _conclude(webhook, held, result)
    except asyncio.CancelledError:
        # The worker stops: release the lease, so that the next attempt need not wait for its end. After a
        # defect the lease stays, or jobs would take the same delivery again and again.
        await delivery_repository.change_delivery(
            held.id, {"attempt": attempt}, attempt=None, due_at=InSeconds(RECONCILE_AFTER_SECONDS)
        )
        raise


async def _send(resources: Resources, webhook: Webhook, delivery: Delivery) -> DeliveryResult:
    if not webhook.enabled:
        return DeliveryResult(error="the webhook is disabled")
    body = delivery.body.encode()
    # The database's time, because receivers refuse timestamps that are minutes off.
    now = _began_at(delivery)
    headers = signed_headers(delivery.id, now, body, _secrets(webhook, now))
    return await resources.webhook_client.post(webhook.url, body, {**_HEADERS, **headers})


async def _conclude(webhook: Webhook, delivery: Delivery, result: DeliveryResult) -> None:
    """Record an attempt and its consequences, if the attempt still holds the lease."""
    is_delivered = result.status is not None and 200 <= result.status < 300
    wait = None if is_delivered or not webhook.enabled else _retry_delay(delivery, result)
    made = Attempt(
        at=_began_at(delivery),
        status_code=result.status,
        error=result.error,
        duration_ms=round(result.duration_seconds * 1000),
    )
    outcome: dict[str, Any] = {"next_attempt_at": None, "due_at": None}
    if is_delivered:
        outcome |= {"status": DeliveryStatus.DELIVERED, "delivered_at": NOW}
    elif wait is None:
        outcome |= {"status": DeliveryStatus.FAILED}
    else:
        outcome = {"next_attempt_at": InSeconds(wait), "due_at": InSeconds(wait)}
    concluded = await delivery_repository.change_delivery(
        delivery.id,
        {"attempt": delivery.attempt},
        attempt=None,
        attempt_began_at=None,
        tried=delivery.tried + 1,
        attempts=Appended(made.model_dump(), MAX_RECORDED_ATTEMPTS),
        **outcome,
    )
    if concluded is None:
        log.info("lease lost, nothing written", delivery_id=delivery.id)
        return
    log.info(
        "delivered" if is_delivered else "not delivered",
        delivery_id=delivery.id,
        webhook_id=webhook.webhook_id,
        status=concluded.status.value,
        status_code=result.status,
        error=result.error,
    )
    await _update_webhook(webhook, made, concluded.status)


async def _update_webhook(webhook: Webhook, made: Attempt, status: DeliveryStatus) -> None:
    """Disable the webhook, or mark it as failing or working, by the outcome of an attempt."""
    still = {"enabled": True, "url": webhook.url}
    if status is DeliveryStatus.DELIVERED:
        if webhook.failing_since is not None:
            await repository.change_webhook(webhook, {}, failing_since=None)
    elif made.status_code == 410:
        await _disable(webhook, DisabledReason.GONE)
    elif webhook.failing_since is None:
        await repository.change_webhook(webhook, still, failing_since=made.at)
    elif status is DeliveryStatus.FAILED and made.at - webhook.failing_since > DISABLE_AFTER:
        await _disable(webhook, DisabledReason.FAILING)


async def _disable(webhook: Webhook, reason: DisabledReason) -> None:
    # Only while it has the URL of this attempt, because a new URL has not failed.
    still = {"enabled": True, "url": webhook.url}
    if await repository.change_webhook(webhook, still, enabled=False, disabled_reason=reason) is not None:
        log.warning("webhook disabled", webhook_id=webhook.webhook_id, reason=reason.value)


def _retry_delay(delivery: Delivery, result: DeliveryResult) -> float | None:
    """Return the seconds until the next attempt, or None if there is none."""
    if result.status == 410 or delivery.tried >= len(RETRY_DELAYS_SECONDS):
        return None
    wait = RETRY_DELAYS_SECONDS[delivery.tried] * (1 + JITTER * _random.random())
    if result.status in {429, 503} and result.retry_after is not None:
        wait = max(wait, min(result.retry_after, MAX_RETRY_AFTER_SECONDS))
    return wait


def _began_at(delivery: Delivery) -> datetime:
    assert delivery.attempt_began_at is not None  # noqa: S101  # set by the change that began the attempt
    return delivery.attempt_began_at


def _secrets(webhook: Webhook, now: datetime) -> list[str]:
    previous = webhook.previous_secret
    is_good = webhook.previous_until is not None and webhook.previous_until > now
    return [webhook.secret, previous] if previous is not None and is_good else [webhook.secret]
