"""Send again what was lost between the database and the queue."""

from collections.abc import Sequence
from contextlib import aclosing

import structlog

from waybill.files import due, transitions
from waybill.files.model import FileId
from waybill.platform.mongo.expressions import DUE, Later
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS, VERIFY_UPLOAD
from waybill.resources import Resources

#: Verifications in the queue to which no more are added: what the workers can take until the next run.
MAX_VERIFICATIONS = 10_000

#: Purges in the queue to which no more are added, and files to a purge.
MAX_PURGES = 500
FILES_PER_PURGE = 100

# A file that was restored since it was found is due for its verification, or for nothing.
_PURGE_IS_DUE = {**DUE, "purge_at": {"$exists": True}}

log = structlog.get_logger(__name__)


async def reconcile_verifications(resources: Resources) -> int:
    """Send verifications that are due and have no message in Redis: few of each owner, owner by owner.

    The rest of an owner's files follow as those end. Running twice at once is harmless, because Redis takes
    one message for each file.

    Returns:
        How many messages were sent.
    """
    room = MAX_VERIFICATIONS - await resources.sender.waiting(VERIFY_UPLOAD)
    sent = 0
    if room <= 0:
        return sent
    cursor = resources.sweep_cursor
    last = ""
    async with aclosing(due.find_due_owners(await cursor.load(VERIFY_UPLOAD))) as owners:
        async for files in owners:
            ids = [str(file_id) for file_id in files.ids]
            sent += await resources.verifications.send_waiting(files.key, ids, has_more=files.has_more)
            if sent >= room:
                last = files.key
                break
    await cursor.store(VERIFY_UPLOAD, last)
    if sent:
        log.info("due verifications sent", files=sent)
    return sent


async def reconcile_purges(resources: Resources) -> int:
    """Send the purges that are due.

    Running twice at once is harmless: the run that moves ``due_at`` on is the one that sends. If others move
    some files of a batch, those may be sent twice, which is harmless as well.

    Returns:
        For how many files purges were sent.
    """
    room = MAX_PURGES - await resources.sender.waiting(PURGE_OBJECT)
    sent = 0
    async with aclosing(due.find_due_purges()) as batches:
        async for files in batches:
            ids = [file["_id"] for file in files]
            if not await transitions.change_many(ids, _PURGE_IS_DUE, due_at=Later(RECONCILE_AFTER_SECONDS)):
                # Another run works on the same files, and goes on.
                break
            messages = _messages(ids)[: max(0, room)]
            room -= len(messages)
            sent_now = sum(map(len, messages[: await resources.sender.send_many(PURGE_OBJECT, messages)]))
            sent += sent_now
            # What was not sent is put off, so that the next run begins behind it. To go on without room would
            # put off all the others too, run after run, for as long as the queue is long.
            if sent_now < len(ids) or room <= 0:
                break
    if sent:
        log.info("due purges sent", files=sent)
    return sent


def _messages(ids: Sequence[FileId]) -> list[list[str]]:
    return [
        [str(file_id) for file_id in ids[start : start + FILES_PER_PURGE]]
        for start in range(0, len(ids), FILES_PER_PURGE)
    ]
