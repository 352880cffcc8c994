"""Enqueue deliveries that are due: the next attempt is due, or the job was lost."""

from contextlib import aclosing

import structlog

from waybill.platform.redis.messages import DELIVER_WEBHOOK, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources
from waybill.webhooks import delivery_repository

#: No deliveries are enqueued beyond this many in the queue.
MAX_DELIVERIES = 500

#: Messages for one webhook in a run. A few are enough, because a job continues with its webhook's next
#: delivery.
MAX_PER_WEBHOOK = 16

log = structlog.get_logger(__name__)


async def reconcile_deliveries(resources: Resources) -> int:
    """Send due deliveries, a few of each webhook: a next attempt, or one whose worker crashed.

    Two runs at once are harmless, because only the job that acquires the lease makes an attempt.

    Returns:
        How many deliveries were sent.
    """
    room = MAX_DELIVERIES - await resources.sender.waiting(DELIVER_WEBHOOK)
    sent = 0
    if room <= 0:
        return sent
    cursor = resources.sweep_cursor
    last = ""
    async with aclosing(
        delivery_repository.find_due_webhooks(await cursor.load(DELIVER_WEBHOOK))
    ) as webhooks:
        async for due in webhooks:
            ids = due.ids[: min(room - sent, MAX_PER_WEBHOOK)]
            if not await delivery_repository.postpone_deliveries(ids, RECONCILE_AFTER_SECONDS):
                # Another run works on the same deliveries.
                continue
            sent_now = await resources.sender.send_many(DELIVER_WEBHOOK, [[each] for each in ids])
            sent += sent_now
            if sent >= room or sent_now < len(ids):
                last = str(due.key)
                break
    await cursor.store(DELIVER_WEBHOOK, last)
    if sent:
        log.info("due deliveries sent", deliveries=sent)
    return sent
