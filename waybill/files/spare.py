"""Spares: the object of a DUPLICATE, which its content does not need, since another file holds one."""

from datetime import datetime, timedelta

import structlog

from waybill.files import contents, handover, transitions
from waybill.files.lifecycle import FailureReason
from waybill.files.looks import LONGEST_RETRY_DELAY_SECONDS, count_looks, next_look
from waybill.files.model import NAMES, File
from waybill.files.removal import next_sweep, remove_objects
from waybill.platform.mongo.expressions import NOW, InSeconds
from waybill.platform.s3.storage import Storage
from waybill.resources import Resources

#: How many looks in a row must find the content's object intact until the spare is removed, and how many must
#: find it missing or changed until the spare replaces it. The intervals double.
LOOKS = 2
PROBLEM_LOOKS = 3

log = structlog.get_logger(__name__)


async def look_at_spare(resources: Resources, file: File, now: datetime) -> None:
    """Look at the object that holds the content of a DUPLICATE. After the last look, remove the spare.

    If several looks find that object missing or changed, the spare replaces it.
    """
    grace = timedelta(seconds=resources.settings.upload_grace)
    unchanged = {**NAMES, "object_key": file.object_key, "doubt": file.doubt, "looks": file.looks}
    if file.etag is not None and file.discarded_at is None:
        holder = await contents.find_holder(file.owner, file.sha256)
        if holder is None:
            # An older release has deleted the holder. Its purge, or the walk, finds another.
            await _put_off(file)
            return
        problem = await _problem_of(resources.storage, holder)
        looks = count_looks(file, problem)
        if looks < (LOOKS if problem is None else PROBLEM_LOOKS):
            delay = next_look(resources.settings, looks)
            doubt = None if problem is None else problem.value
            await transitions.change(file, unchanged, doubt=doubt, looks=looks, purge_at=delay, due_at=delay)
            return
        if problem is not None:
            await _replace(resources, holder, file, problem)
            return
        # From here on, no content may use this object.
        if await transitions.change(file, unchanged, discarded_at=NOW) is None:
            return
    if refusals := await remove_objects(
        resources.storage, [{"object_key": file.object_key, "part_size": file.part_size}]
    ):
        raise refusals[file.object_key]
    sweep = next_sweep(now, grace)
    await transitions.change(file, unchanged, etag=None, doubt=None, looks=None, purge_at=sweep, due_at=sweep)


async def _replace(resources: Resources, holder: File, file: File, problem: FailureReason) -> None:
    """Replace the lost object of ``holder`` by that of a DUPLICATE, if that one is intact."""
    own = await _problem_of(resources.storage, file)
    adopted = None if own is not None else await handover.adopt(holder, file)
    log.error(
        "the object of a content is lost" if adopted is None else "lost object replaced by a duplicate's",
        file_id=holder.file_id,
        problem=problem.value,
        duplicate=file.file_id,
    )
    if adopted is None:
        await _put_off(file)


async def _put_off(file: File) -> None:
    delay = InSeconds(LONGEST_RETRY_DELAY_SECONDS)
    await transitions.change(file, {**NAMES, "object_key": file.object_key}, purge_at=delay, due_at=delay)


async def _problem_of(storage: Storage, file: File) -> FailureReason | None:
    """Return how the object of a file differs from what was verified, by size and ETag, or None."""
    head = await storage.head(file.object_key)
    if head is None:
        return FailureReason.OBJECT_MISSING
    is_same = head.size == file.size and file.etag in {None, head.etag}
    return None if is_same else FailureReason.OBJECT_CHANGED
