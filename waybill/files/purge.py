"""Take objects out of the bucket, and keep the tombstones."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from waybill.files import due, handover, repository, transitions
from waybill.files.model import NAMES, NO_NAME, FileId
from waybill.files.removal import next_sweep, remove_objects
from waybill.files.spare import look_at_spare
from waybill.files.transitions import PURGEABLE
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import connection
from waybill.platform.mongo.expressions import NOW, Backoff, Once
from waybill.platform.redis.messages import RECONCILE_AFTER_SECONDS
from waybill.resources import Resources

#: Seconds between two attempts at an object that the store refuses to remove, at most.
LONGEST_RETRY_DELAY_SECONDS = 3600

log = structlog.get_logger(__name__)


async def purge_objects(resources: Resources, file_ids: Sequence[str]) -> None:
    """Remove the objects of those files, up to a thousand, whose purge is due. What is not there is removed.

    An upload URL that is still alive, or an upload that began in time and is slow, could fill a key again.
    Such a file therefore stays due, at growing intervals, until neither can be. ``purgedAt`` keeps the time
    of the first purge.

    Raises:
        ServiceUnavailable: MongoDB or the store is away; nothing is lost, the files stay due.
        Exception: what kept some of the objects. Their files stay due, at growing intervals; the others are
            purged.
    """
    ids = [FileId(file_id) for file_id in file_ids if repository.is_file_id(file_id)]
    # Before the first object goes: what arrives after that is for the next sweep.
    now = await connection.database_time()
    # From here the files cannot be restored: they would be without their objects.
    to_begin = {**PURGEABLE, **NO_NAME, "purge_began_at": None}
    await transitions.change_many(ids, {**to_begin, "duplicated_at": None}, purge_began_at=NOW)
    for file in await due.find_due(ids, to_begin):
        await handover.begin_purge(file)
    # Read after that and not before: a file that was restored first is not among them.
    begun = {**PURGEABLE, **NO_NAME, "purge_began_at": {"$exists": True}}
    files = await due.find_fields(ids, begun, ("object_key", "part_size"))
    # Some stores count a delete in a bucket that is not there as done.
    await resources.storage.ping()
    kept = await remove_objects(resources.storage, files)
    grace = timedelta(seconds=resources.settings.upload_grace)
    # A crash until here leaves them all due, and the next purge finds nothing to remove.
    await transitions.change_many(
        [file["_id"] for file in files if file["object_key"] not in kept],
        begun,
        purged_at=Once(NOW),
        due_at=next_sweep(now, grace),
    )
    if kept:
        refused = [file["_id"] for file in files if file["object_key"] in kept]
        delay = Backoff("purge_began_at", RECONCILE_AFTER_SECONDS, LONGEST_RETRY_DELAY_SECONDS)
        await transitions.change_many(refused, begun, due_at=delay)
        log.error(
            "objects not removed", files=len(kept), errors=sorted({repr(each) for each in kept.values()})
        )
        # Of several the one that does not pass by itself.
        raise min(kept.values(), key=lambda error: isinstance(error, ServiceUnavailable))
    for spare in await due.find_due(ids, {**PURGEABLE, **NAMES}):
        await look_at_spare(resources, spare, now)
