"""Enqueue jobs again that were lost between the database and the queue."""

from collections.abc import Sequence
from contextlib import aclosing

import structlog

from waybill.files import due, transitions
from waybill.files.model import FileId
from waybill.platform.mongo.due_groups import Group
from waybill.platform.mongo.expressions import DUE, InSeconds
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS, VERIFY_UPLOAD
from waybill.resources import Resources

#: No verifications are enqueued beyond this many in the queue. The workers need longer than a run for them.
MAX_VERIFICATIONS = 10_000

#: No purges are enqueued beyond this many in the queue. Files of one purge.
MAX_PURGES = 500
FILES_PER_PURGE = 100

# A file that was restored since it was found is no longer due for a purge.
_PURGE_IS_DUE = {**DUE, "purge_at": {"$exists": True}}

log = structlog.get_logger(__name__)


async def reconcile_verifications(resources: Resources) -> int:
    """Send due verifications that have no message in Redis: a few of each owner, owner by owner.

    The rest of an owner's files follow when those end. Two runs at once are harmless, because Redis accepts
    one message for each file.

    Returns:
        How many messages were sent.
    """
    room = MAX_VERIFICATIONS - await resources.sender.waiting(VERIFY_UPLOAD)

    async def send(files: Group[str], _: int) -> tuple[int, bool]:
        ids = [str(file_id) for file_id in files.ids]
        return await resources.verifications.send_waiting(files.key, ids, has_more=files.has_more), True

    sent = await resources.sweep_cursor.send_groups(VERIFY_UPLOAD, room, due.find_due_owners, send)
    if sent:
        log.info("due verifications sent", files=sent)
    return sent


async def reconcile_purges(resources: Resources) -> int:
    """Send the purges that are due.

    Two runs at once are harmless: only the run that postpones ``due_at`` sends. If another run postpones some
    files of a batch, those may be sent twice, which is harmless as well.

    Returns:
        For how many files purges were sent.
    """
    room = MAX_PURGES - await resources.sender.waiting(PURGE_OBJECT)
    sent = 0
    async with aclosing(due.find_due_purges()) as batches:
        async for files in batches:
            ids = [file["_id"] for file in files]
            if not await transitions.change_many(
                ids, _PURGE_IS_DUE, due_at=InSeconds(RECONCILE_AFTER_SECONDS)
            ):
                # Another run works on the same files, and continues.
                break
            messages = _messages(ids)[: max(0, room)]
            room -= len(messages)
            sent_now = sum(map(len, messages[: await resources.sender.send_many(PURGE_OBJECT, messages)]))
            sent += sent_now
            # Files that were not sent are postponed, so the next run begins after them. Stop if there is no
            # room: otherwise each run would postpone all other files too.
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
