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
from waybill.platform.mongo.expressions import NOW, InSeconds
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources


async def restore_file(resources: Resources, principal: Principal, file_id: str) -> File:
    """Undo a deletion, until the purge begins (PURGE_DELAY). A repeat returns the file as it is.

    An open upload is open again, and a file that was being verified is verified again. A file whose
    content another file holds becomes a DUPLICATE of that file.

    Raises:
        FileNotFound: no such file of this owner.
        QuotaExceeded: the quota no longer has room for the file.
        WrongState: the file is being purged, is purged, or has no content to restore.
        ServiceUnavailable: MongoDB is unavailable; a repeat is safe.
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
                "The content of this file is removed or is being removed. Upload it again.",
                id=file_id,
                fileStatus=file.status.value,
            )
        # Another request has restored it meanwhile, or its content went to another file.
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
                return None  # Another request has restored it, so its bytes count already.
            raise QuotaExceeded(size=file.size, used=error.charged, limit=error.quota) from None
        except (ContentTakenError, HolderGoneError):
            # The holder of the content has changed since it was read.
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
        # A purge removes an object of its own as a spare (``spare.py``), and looks again while an upload URL
        # of the file is valid.
        spare = {"purge_at": NOW, "due_at": InSeconds(RECONCILE_AFTER_SECONDS)}
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
