"""Expire uploads that were requested and never completed."""

from contextlib import aclosing

import structlog

from waybill.files import due, transitions
from waybill.files.lifecycle import Status
from waybill.files.transitions import OVERDUE
from waybill.platform.mongo.expressions import NOW

log = structlog.get_logger(__name__)


async def expire_uploads() -> int:
    """Move PENDING files whose URL and grace have ended to EXPIRED, and make their purge due.

    Returns:
        How many expired. A file that was refreshed, completed or deleted meanwhile is not changed.
    """
    expired = 0
    async with aclosing(due.find_expiring()) as batches:
        async for files in batches:
            # No message here: the reconciler sends one for many files.
            moved = await transitions.transition_many(
                files, Status.EXPIRED, OVERDUE, expire_at=None, purge_at=NOW, due_at=NOW
            )
            expired += moved
            if not moved:
                # Another run works on the same files, and continues.
                break
    if expired:
        log.info("uploads expired", files=expired)
    return expired
