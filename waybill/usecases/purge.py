"""Take an object out of the bucket, and keep the tombstone."""

from datetime import timedelta

from waybill import documents
from waybill.documents import NOW
from waybill.errors import FileNotFound
from waybill.resources import Resources


async def purge_object(resources: Resources, file_id: str) -> None:
    """Remove the object of a file whose purge is due. One that is not there counts as removed.

    An upload URL that is still alive could fill the key again, so until it is dead the file stays due and
    the reconciler purges once more. ``purgedAt`` keeps the time of the first purge.

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
    await resources.storage.delete(file.object_key)
    url_is_dead = file.upload_expires_at + timedelta(seconds=resources.settings.upload_grace)
    await documents.change(
        file,
        {"purge_at": file.purge_at},
        purged_at=file.purged_at or NOW,
        due_at=url_is_dead if url_is_dead > now else None,
    )
