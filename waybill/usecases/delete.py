"""Delete: the record at once, the object soon after."""

from dataclasses import dataclass

from waybill import documents
from waybill.documents import NOW, File, Later
from waybill.messages import PATIENCE, PURGE_OBJECT
from waybill.principal import Principal
from waybill.resources import Resources


async def delete_file(resources: Resources, principal: Principal, file_id: str) -> File:
    """Mark a file deleted, whatever its status, and have its object purged. A repeat answers the same.

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
    file = await documents.find(file_id, principal.owner)
    delay = resources.settings.purge_delay
    # Nobody could have downloaded a file whose purge is owed, and nobody can restore it: the trash is not for
    # it, nor is the time for which FAILED files are kept.
    is_due_now = not delay or file.purge_at is not None
    deleted = await documents.change(
        file,
        {"deleted_at": None},
        deleted_at=NOW,
        purge_at=NOW if is_due_now else Later(delay),
        expire_at=None,
        due_at=Later(PATIENCE if is_due_now else delay),
        # A running hash loses its lease, and with it the right to write.
        attempt=None,
    )
    if deleted is None:
        return Deleted(await documents.find(file_id, principal.owner), is_due_now=False)
    return Deleted(deleted, is_due_now)
