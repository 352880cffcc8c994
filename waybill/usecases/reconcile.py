"""Send again what was lost between the database and the queue."""

import structlog

from waybill import documents
from waybill.documents import DUE, File, Later
from waybill.lifecycle import Status
from waybill.messages import PATIENCE, PURGE_OBJECT, VERIFY_UPLOAD
from waybill.resources import Resources

#: Files per run. A longer backlog is worked off by the runs that follow.
BATCH = 500

log = structlog.get_logger(__name__)


async def reconcile(resources: Resources) -> int:
    """Send the job that each overdue file is owed: a purge, or a verification whose worker fell silent.

    Running twice at once is harmless: whoever moves ``due_at`` on is the one who sends.

    Returns:
        How many jobs were sent.
    """
    sent = 0
    room = {actor: BATCH - await resources.sender.waiting(actor) for actor in (PURGE_OBJECT, VERIFY_UPLOAD)}
    for file in await documents.find_due(BATCH):
        actor = _owed(file)
        # A silent worker loses its lease here: from now on its attempt writes nothing.
        moved = await documents.change(file, DUE, due_at=Later(PATIENCE) if actor else None, attempt=None)
        # Behind a long queue the job is most likely in it already: sending again would only lengthen it.
        if moved is not None and actor is not None and room[actor] > 0:
            room[actor] -= 1
            sent += await resources.sender.send(actor, file.file_id)
    if sent:
        log.info("overdue jobs sent again", jobs=sent)
    return sent


def _owed(file: File) -> str | None:
    if file.purge_at is not None:
        return PURGE_OBJECT
    if file.status is Status.PROCESSING:
        return VERIFY_UPLOAD
    return None
