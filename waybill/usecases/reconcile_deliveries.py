"""Send for deliveries whose time has come, or whose message was lost."""

import structlog

from waybill import documents
from waybill.messages import DELIVER_WEBHOOK, PATIENCE
from waybill.resources import Resources

#: Messages in the queue to which no more are added.
LONGEST_QUEUE = 500

log = structlog.get_logger(__name__)


async def reconcile_deliveries(resources: Resources) -> int:
    """Send the job that each overdue delivery is owed: its next attempt, or one whose worker fell silent.

    Running twice at once is harmless, for an attempt is made by whoever takes it.

    Returns:
        For how many deliveries jobs were sent.
    """
    room = LONGEST_QUEUE - await resources.sender.waiting(DELIVER_WEBHOOK)
    due = await documents.find_due_deliveries(room) if room > 0 else []
    # Those for which nothing can be sent now are put off as well: the next run begins behind them.
    if not due or not await documents.put_off_deliveries(due, PATIENCE):
        return 0
    sent = await resources.sender.send_many(DELIVER_WEBHOOK, [[delivery_id] for delivery_id in due])
    log.info("overdue deliveries sent for", deliveries=sent)
    return sent
