"""Purge files: remove their objects from the bucket. The records stay as tombstones."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from waybill.files import due, handover, repository, transitions
from waybill.files.model import NAMES, NO_NAME, FileId
from waybill.files.removal import next_sweep, remove_objects
from waybill.files.spare import look_at_spare
from waybill.files.transitions import PURGEABLE
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import connection
from waybill.platform.mongo.expressions import NOW, Backoff, IfMissing
from waybill.platform.redis.messages import RECONCILE_AFTER_SECONDS
from waybill.resources import Resources

#: The most seconds between two attempts to remove an object that the store refuses to remove.
LONGEST_RETRY_DELAY_SECONDS = 3600

log = structlog.get_logger(__name__)


async def purge_objects(resources: Resources, file_ids: Sequence[str]) -> None:
    """Remove the objects of up to a thousand files whose purge is due. A missing object counts as removed.

    A valid upload URL, or a slow upload that began in time, can write the object again. So the file stays
    due, at growing intervals, until neither is possible. ``purgedAt`` remains the time of the first purge.

    Raises:
        ServiceUnavailable: MongoDB or the store is unavailable; the files stay due.
        Exception: the store refused to remove some objects. Their files stay due, at growing intervals. The
            others are purged.
    """
    ids = [FileId(file_id) for file_id in file_ids if repository.is_file_id(file_id)]
    # Before the first object is removed: an object that arrives later is for the next sweep.
    now = await connection.database_time()
    spares = await due.find_due(ids, {**PURGEABLE, **NAMES})
    if len(spares) < len(ids):
        await _purge(resources, ids, now)
    for spare in spares:
        await look_at_spare(resources, spare, now)


async def _purge(resources: Resources, ids: Sequence[FileId], now: datetime) -> None:
    # From here on the files cannot be restored, because they would be without their objects.
    to_begin = {**PURGEABLE, **NO_NAME, "purge_began_at": None}
    unmarked = await handover.find_unmarked(ids)
    alone = [file_id for file_id in ids if file_id not in unmarked]
    await transitions.change_many(alone, {**to_begin, "duplicated_at": None}, purge_began_at=NOW)
    for file in await due.find_due(ids, to_begin):
        await handover.begin_purge(file)
    # Read after that change, so that files which were restored before it are left out.
    begun = {**PURGEABLE, **NO_NAME, "purge_began_at": {"$exists": True}}
    files = await due.find_fields(ids, begun, ("object_key", "part_size"))
    # Some stores report success for a delete in a bucket that does not exist.
    await resources.storage.ping()
    refusals = await remove_objects(resources.storage, files)
    grace = timedelta(seconds=resources.settings.upload_grace)
    # After a crash before this line all are still due, and the next purge finds nothing to remove.
    await transitions.change_many(
        [file["_id"] for file in files if file["object_key"] not in refusals],
        begun,
        purged_at=IfMissing(NOW),
        due_at=next_sweep(now, grace),
    )
    if refusals:
        refused = [file["_id"] for file in files if file["object_key"] in refusals]
        delay = Backoff("purge_began_at", RECONCILE_AFTER_SECONDS, LONGEST_RETRY_DELAY_SECONDS)
        await transitions.change_many(refused, begun, due_at=delay)
        log.error(
            "objects not removed",
            files=len(refusals),
            errors=sorted({repr(each) for each in refusals.values()}),
        )
        # Of several errors, raise one that will not pass by itself, if there is one.
        raise min(refusals.values(), key=lambda error: isinstance(error, ServiceUnavailable))
