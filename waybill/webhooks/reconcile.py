"""Enqueue deliveries that are due: the next attempt is due, or the job was lost."""

from typing import Any

import structlog

from waybill.platform.mongo.due_groups import Group
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

    async def send(due: Group[Any], room_left: int) -> tuple[int, bool]:
        ids = due.ids[: min(room_left, MAX_PER_WEBHOOK)]
        if not await delivery_repository.postpone_deliveries(ids, RECONCILE_AFTER_SECONDS):
            # Another run works on the same deliveries.
            return 0, True
        sent_now = await resources.sender.send_many(DELIVER_WEBHOOK, [[each] for each in ids])
        return sent_now, sent_now == len(ids)

    sent = await resources.sweep_cursor.send_groups(
        DELIVER_WEBHOOK, room, delivery_repository.find_due_webhooks, send
    )
    if sent:
        log.info("due deliveries sent", deliveries=sent)
    return sent
