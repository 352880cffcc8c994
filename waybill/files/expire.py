"""Give up on uploads that were announced and never completed."""

from contextlib import aclosing

import structlog

from waybill.files import due, transitions
from waybill.files.lifecycle import Status
from waybill.files.transitions import OVERDUE
from waybill.platform.mongo.expressions import NOW

log = structlog.get_logger(__name__)


async def expire_uploads() -> int:
    """Move PENDING files past their URL and grace to EXPIRED, and have what arrived purged.

    Returns:
        How many expired. A file that is refreshed, completed or deleted meanwhile is left as it is then.
    """
    expired = 0
    async with aclosing(due.find_expiring()) as batches:
        async for files in batches:
            # No message: they are due at once, and the reconciler sends for many at a time.
            moved = await transitions.transition_many(
                files, Status.EXPIRED, OVERDUE, expire_at=None, purge_at=NOW, due_at=NOW
            )
            expired += moved
            if not moved:
                # Another run is at the same files, and goes on.
                break
    if expired:
        log.info("uploads expired", files=expired)
    return expired
