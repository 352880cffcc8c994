"""Jobs that tell others."""

import dramatiq

from actors.broker import resources
from actors.outage import reconciled
from waybill.platform.redis.messages import DELIVER_WEBHOOK, QUEUES
from waybill.webhooks.deliver import deliver


@dramatiq.actor(
    actor_name=DELIVER_WEBHOOK,
    queue_name=QUEUES[DELIVER_WEBHOOK],
    # Twenty seconds, and one more request, which gets fifteen.
    time_limit=60_000,
    # For defects: what a receiver does is never an error, and its next attempt is in the document.
    max_retries=3,
    min_backoff=1_000,
    max_backoff=60_000,
)
async def deliver_webhook(delivery_id: str) -> None:
    """Make one attempt at a delivery, and at what else its webhook waits for."""
    with reconciled():
        await deliver(resources(), delivery_id)
