"""Take a deleted file out of the trash."""

from datetime import timedelta
from typing import Any

from waybill.files import contents, handover, repository, transitions
from waybill.files.contents import CONTENT_RACES, HolderGoneError
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.transitions import ContentTakenError
from waybill.files.usage.quota import OverQuotaError
from waybill.platform.errors import QuotaExceeded, ServiceUnavailable, WrongState
from waybill.platform.mongo.expressions import NOW, Later
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources


async def restore_file(resources: Resources, principal: Principal, file_id: str) -> File:
    """Undo a deletion, until the purge begins (PURGE_DELAY). A repeat answers the file as it stands.

    An upload that was open is open again and one that was being verified is verified again. A file whose
    content another file holds comes back as a DUPLICATE of that.

    Raises:
        FileNotFound: no such file of this owner.
        QuotaExceeded: the file does not fit beside what came since.
        WrongState: the file is being purged, or was, or ended without anything to restore.
        ServiceUnavailable: MongoDB is away; a repeat is safe.
    """
    while True:
        file = await repository.find(file_id, principal.owner)
        if file.deleted_at is None:
            return file
        restored = await _restored(resources, file)
        if restored is not None:
            break
        found = await repository.find(file_id, principal.owner)
        if (found.deleted_at, found.status) == (file.deleted_at, file.status):
            raise WrongState(
                "The file's content is gone or going. Upload it again.",
                id=file_id,
                fileStatus=file.status.value,
            )
        # Others have brought it back meanwhile, or its content has gone to another file.
    if restored.status is Status.PROCESSING:
        await resources.verifications.send(restored.owner, file_id)
    elif restored.purge_at is not None:
        await resources.sender.send(PURGE_OBJECT, file_id)
    return restored


async def _restored(resources: Resources, file: File) -> File | None:
    for _ in range(CONTENT_RACES):
        try:
            return await _restore(resources, file)
        except OverQuotaError as error:
            if (await repository.find(file.file_id)).deleted_at is None:
                return None  # It is back already, and counts.
            raise QuotaExceeded(size=file.size, used=error.charged, limit=error.quota) from None
        except (ContentTakenError, HolderGoneError):
            # The content was free, or another's, a moment ago.
            file = await repository.find(file.file_id)
    raise ServiceUnavailable("MongoDB")


async def _restore(resources: Resources, file: File) -> File | None:
    settings = resources.settings
    quota = settings.owner_quota_bytes
    if file.status not in {Status.COMPLETED, Status.DUPLICATE}:
        return await transitions.restore(
            file, quota, **_due_fields(file, timedelta(seconds=settings.upload_grace))
        )
    holder = await contents.find_holder(file.owner, file.sha256)
    if holder is not None:
        # What the file has of an object is looked at, and goes if the holder has its own.
        spare = (
            {"purge_at": None, "due_at": None}
            if file.etag is None
            else {"purge_at": NOW, "due_at": Later(RECONCILE_AFTER_SECONDS)}
        )
        return await contents.restore_as_duplicate(file, holder, **spare)
    if file.status is Status.DUPLICATE:
        return await handover.restore_from_trash(file, quota)
    return await transitions.restore(file, quota, due_at=None)


def _due_fields(file: File, grace: timedelta) -> dict[str, Any]:
    """Return what makes a restored file due again: its expiry or its verification."""
    if file.status is Status.PENDING:
        return {"expire_at": file.upload_expires_at + grace, "due_at": None}
    # Not before the next look, if an earlier one has found a problem.
    return {"due_at": file.look_at or NOW}
