"""Send again what was lost between the database and the queue."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import aclosing

import structlog

from waybill import documents
from waybill.documents import DUE, Fields, FileId, Later
from waybill.lifecycle import Status
from waybill.messages import PATIENCE, PURGE_OBJECT, VERIFY_UPLOAD
from waybill.resources import Resources

#: Messages in a queue to which no more are added: the job is most likely in it already.
LONGEST_QUEUE = 500

#: Files to a message. A worker takes one message at a time, and a verification may take it hours.
TOGETHER = {PURGE_OBJECT: 100, VERIFY_UPLOAD: 1}

log = structlog.get_logger(__name__)


async def reconcile(resources: Resources) -> int:
    """Send the job that each overdue file is owed: a purge, or a verification whose worker fell silent.

    Running twice at once is harmless: whoever moves ``due_at`` on is the one who sends. Where others move
    some files of a batch, those may be sent for twice, which is harmless as well.

    Returns:
        For how many files jobs were sent.
    """
    sent = 0
    room = {actor: LONGEST_QUEUE - await resources.sender.waiting(actor) for actor in TOGETHER}
    async with aclosing(documents.find_due()) as batches:
        async for files in batches:
            owed, nothing = _by_job(files)
            moved = await documents.change_many(nothing, DUE, due_at=None, attempt=None)
            # A silent worker loses its lease here: from now on its attempt writes nothing.
            due = [file_id for ids in owed.values() for file_id in ids]
            moved += await documents.change_many(due, DUE, due_at=Later(PATIENCE), attempt=None)
            if not moved:
                # Another run is at the same files, and goes on.
                break
            sent_now = 0
            for actor, ids in owed.items():
                messages = _messages(actor, ids)[: max(0, room[actor])]
                room[actor] -= len(messages)
                sent_now += sum(map(len, messages[: await resources.sender.send_many(actor, messages)]))
            sent += sent_now
            # What was not sent for is put off, so that the next run begins behind it. To go on without room
            # would put off all the others too, run after run, for as long as the queue is long.
            if sent_now < len(due) or any(room[actor] <= 0 for actor in owed):
                break
    if sent:
        log.info("overdue jobs sent again", files=sent)
    return sent


def _by_job(files: Iterable[Fields]) -> tuple[dict[str, list[FileId]], list[FileId]]:
    """The files by the actor that is to be sent, and those that are owed nothing."""
    owed: dict[str, list[FileId]] = defaultdict(list)
    nothing: list[FileId] = []
    for file in files:
        actor = _owed(file)
        (nothing if actor is None else owed[actor]).append(file["_id"])
    return owed, nothing


def _owed(file: Fields) -> str | None:
    if file.get("purge_at") is not None:
        return PURGE_OBJECT
    if file["status"] == Status.PROCESSING.value:
        return VERIFY_UPLOAD
    return None


def _messages(actor: str, ids: Sequence[FileId]) -> list[list[str]]:
    together = TOGETHER[actor]
    return [
        [str(file_id) for file_id in ids[start : start + together]] for start in range(0, len(ids), together)
    ]
