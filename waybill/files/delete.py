"""Delete: the record at once, the object soon after."""

from dataclasses import dataclass

from waybill.files import handover, repository
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.platform.mongo.expressions import NOW, Later
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources


async def delete_file(resources: Resources, principal: Principal, file_id: str) -> File:
    """Mark a file of any status deleted, and have it purged. A repeat answers the same.

    If other names have its content, the oldest of them holds it from then on, and is COMPLETED.

    Raises:
        FileNotFound: no such file of this owner.
        ServiceUnavailable: MongoDB is away; a repeat is safe.
    """
    deleted = await mark_deleted(resources, principal, file_id)
    if deleted.is_due_now:
        await resources.sender.send(PURGE_OBJECT, file_id)
    return deleted.file


@dataclass(frozen=True, slots=True)
class Deleted:
    """A file that is deleted, and whether a purge is to be sent for it now."""

    file: File
    is_due_now: bool


async def mark_deleted(resources: Resources, principal: Principal, file_id: str) -> Deleted:
    """Mark a file deleted without sending its purge. Raises as ``delete_file`` does."""
    delay = resources.settings.purge_delay
    while True:
        file = await repository.find(file_id, principal.owner)
        if file.deleted_at is not None:
            return Deleted(file, is_due_now=False)
        # A FAILED or EXPIRED file cannot be restored: the trash is not for it, nor is the time for which
        # FAILED files are kept. Of a DUPLICATE it is another object that is to be purged.
        is_due_now = not delay or (file.purge_at is not None and file.status is not Status.DUPLICATE)
        deleted = await handover.delete(
            file,
            # As it was read: a file that came out of the trash meanwhile goes back into the trash.
            {"deleted_at": None, "purge_at": {"$exists": file.purge_at is not None}},
            deleted_at=NOW,
            purge_at=NOW if is_due_now else Later(delay),
            expire_at=None,
            due_at=Later(RECONCILE_AFTER_SECONDS if is_due_now else delay),
            # A running hash loses its lease, and with it the right to write.
            attempt=None,
        )
        if deleted is not None:
            return Deleted(deleted, is_due_now)
