"""Delete a file: mark its record at once, and purge its object later."""

from dataclasses import dataclass

from waybill.files import handover, repository
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.platform.mongo.expressions import NOW, InSeconds
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources


async def delete_file(resources: Resources, principal: Principal, file_id: str) -> File:
    """Mark a file of any status as deleted, and enqueue its purge. A repeat returns the file as it is.

    If its content has other names, the oldest of them becomes COMPLETED and holds it from then on.

    Raises:
        FileNotFound: no such file of this owner.
        ServiceUnavailable: MongoDB is unavailable; a repeat is safe.
    """
    deleted = await mark_deleted(resources, principal, file_id)
    if deleted.is_due_now:
        await resources.sender.send(PURGE_OBJECT, file_id)
    return deleted.file


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted file, and whether its purge must be enqueued now."""

    file: File
    is_due_now: bool


async def mark_deleted(resources: Resources, principal: Principal, file_id: str) -> Deleted:
    """Mark a file as deleted, without enqueueing its purge. Raises the same errors as ``delete_file``."""
    while True:
        file = await repository.find(file_id, principal.owner)
        if file.deleted_at is not None:
            return Deleted(file, is_due_now=False)
        deleted = await delete_as_read(resources, file)
        if deleted is not None:
            return deleted


async def delete_as_read(resources: Resources, file: File) -> Deleted | None:
    """Mark a file as deleted if it is where and as it was read. Return None if it has changed.

    Raises:
        ServiceUnavailable: MongoDB is unavailable; a repeat is safe.
    """
    delay = resources.settings.purge_delay
    # A FAILED or EXPIRED file cannot be restored, so it skips the trash and FAILED_RETENTION. The
    # ``purge_at`` of a DUPLICATE is about its spare object, so it does not count here.
    is_due_now = not delay or (file.purge_at is not None and file.status is not Status.DUPLICATE)
    deleted = await handover.delete(
        file,
        {
            "deleted_at": None,
            # A file that was restored meanwhile goes back into the trash.
            "purge_at": {"$exists": file.purge_at is not None},
            "folder": file.folder,
            "placed_at": file.placed_at,
        },
        deleted_at=NOW,
        purge_at=NOW if is_due_now else InSeconds(delay),
        expire_at=None,
        due_at=InSeconds(RECONCILE_AFTER_SECONDS if is_due_now else delay),
        # A running hash loses its lease, and with it the right to write.
        attempt=None,
    )
    return None if deleted is None else Deleted(deleted, is_due_now)
