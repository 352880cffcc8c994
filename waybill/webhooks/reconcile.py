"""Enqueue deliveries that are due: the next attempt is due, or the job was lost."""

from contextlib import aclosing

import structlog

from waybill.platform.redis.messages import DELIVER_WEBHOOK, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources
from waybill.webhooks import delivery_repository

#: Messages in the queue to which no more are added.
MAX_DELIVERIES = 500

#: Messages for one webhook in a run. A job goes on with what else its webhook waits for, so a few will do.
MAX_PER_WEBHOOK = 16

log = structlog.get_logger(__name__)


async def reconcile_deliveries(resources: Resources) -> int:
    """Send deliveries that are due, few of each webhook: a next attempt, or one whose worker fell silent.

    Running twice at once is harmless, because an attempt is made by the job that takes the delivery.

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
            if not await delivery_repository.put_off_deliveries(ids, RECONCILE_AFTER_SECONDS):
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
