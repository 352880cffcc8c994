"""Jobs that deliver webhooks."""

import dramatiq

from actors.broker import resources
from actors.outage import reconciled
from waybill.platform.redis.messages import DELIVER_WEBHOOK, QUEUES
from waybill.webhooks.deliver import deliver


@dramatiq.actor(
    actor_name=DELIVER_WEBHOOK,
    queue_name=QUEUES[DELIVER_WEBHOOK],
    # A job takes up to twenty seconds, and one more request of up to fifteen.
    time_limit=60_000,
    # For defects only: a failure of a receiver is not an error, and the document has the time of the next
    # attempt.
    max_retries=3,
    min_backoff=1_000,
    max_backoff=60_000,
)
async def deliver_webhook(delivery_id: str) -> None:
    """Make one attempt at a delivery, and at waiting deliveries of the same webhook."""
    with reconciled():
        await deliver(resources(), delivery_id)
