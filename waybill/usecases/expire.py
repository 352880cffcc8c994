"""Give up on uploads that were announced and never completed."""

import structlog

from waybill import documents
from waybill.documents import NOW, Later
from waybill.lifecycle import Status
from waybill.messages import PATIENCE, PURGE_OBJECT
from waybill.resources import Resources

#: Files per run. A longer backlog is worked off by the runs that follow.
BATCH = 500

log = structlog.get_logger(__name__)


async def expire_uploads(resources: Resources) -> int:
    """Move PENDING files past their URL and grace to EXPIRED, and have what arrived purged.

    Returns:
        How many expired. A file that is completed or deleted meanwhile is left to whoever did that.
    """
    expired = 0
    for file in await documents.find_expiring(BATCH):
        moved = await documents.transition(
            file, Status.EXPIRED, expire_at=None, purge_at=NOW, due_at=Later(PATIENCE)
        )
        if moved is not None:
            expired += 1
            await resources.sender.send(PURGE_OBJECT, file.file_id)
    if expired:
        log.info("uploads expired", files=expired)
    return expired
