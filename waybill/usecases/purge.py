"""Take an object out of the bucket, and keep the tombstone."""

from datetime import datetime, timedelta

from waybill import documents
from waybill.documents import NOW, File
from waybill.errors import FileNotFound
from waybill.resources import Resources

#: How long after its URL has died an upload that began in time may still be on its way.
SLOWEST_UPLOAD = timedelta(days=1)


async def purge_object(resources: Resources, file_id: str) -> None:
    """Remove the object of a file whose purge is due. One that is not there counts as removed.

    An upload URL that is still alive, or an upload that began in time and is slow, could fill the key again.
    The file therefore stays due, at growing intervals, until neither can be. ``purgedAt`` keeps the time of
    the first purge.

    Raises:
        ServiceUnavailable: MongoDB or the store is away; nothing is lost, the file stays due.
    """
    try:
        file = await documents.find(file_id)
    except FileNotFound:
        return
    now = await documents.database_time()
    if file.purge_at is None or file.purge_at > now:
        return
    # From here the file cannot be restored: it would be without its object.
    if file.purge_began_at is None and (
        await documents.change(file, {"purge_at": file.purge_at}, purge_began_at=NOW) is None
    ):
        return
    if file.part_plan is not None:
        await resources.storage.multiparts.abort_all(file.object_key)
    await resources.storage.delete(file.object_key)
    await documents.change(
        file,
        {"purge_at": file.purge_at},
        purged_at=file.purged_at or NOW,
        due_at=_next_sweep(file, now, timedelta(seconds=resources.settings.upload_grace)),
    )


def _next_sweep(file: File, now: datetime, grace: timedelta) -> datetime | None:
    """When to look again whether the key was filled anew: after one grace, two, four, up to a day."""
    wait = max(grace, timedelta(seconds=1))
    while file.upload_expires_at + wait <= now:
        if wait > SLOWEST_UPLOAD:
            return None
        wait *= 2
    return file.upload_expires_at + wait
