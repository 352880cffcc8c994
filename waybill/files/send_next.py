"""Send the next files of an owner when one of their verifications ends."""

import structlog

from waybill.files import due
from waybill.files.model import File
from waybill.files.verification_queue import MAX_IN_FLIGHT
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.redis.messages import RECONCILE
from waybill.resources import Resources

log = structlog.get_logger(__name__)


async def send_next(resources: Resources, ended: File) -> None:
    """Note that a verification ended, and send the owner's next ones if too few are in Redis.

    Never raises for an outage: the files stay due, and the reconciler sends them.
    """
    queue = resources.verifications
    done = await queue.end(ended.owner, ended.file_id)
    if done.is_lost:
        # Redis was emptied. Reconcile now, so that workers are not idle until the next tick.
        await resources.sender.send(RECONCILE)
    if done.in_flight is None:
        return
    try:
        waiting = await due.find_due_verifications(
            ended.owner, except_for=done.in_flight, limit=MAX_IN_FLIGHT
        )
        ids = [str(file_id) for file_id in waiting]
        await queue.send_waiting(ended.owner, ids, has_more=len(ids) == MAX_IN_FLIGHT)
    except ServiceUnavailable as error:
        log.warning("next verifications not sent: the reconciler sends them later", error=error.message)
