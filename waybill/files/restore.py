"""Take a deleted file out of the trash."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from waybill.files import repository, transitions
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.transitions import ContentTakenError, WinnerGoneError
from waybill.files.usage.quota import OverQuotaError
from waybill.platform.errors import QuotaExceeded, ServiceUnavailable, WrongState
from waybill.platform.mongo.expressions import NOW, Later
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources

#: How often the content may be taken and free again before the caller is to try later.
CONTENT_RACES = 5


async def restore_file(resources: Resources, principal: Principal, file_id: str) -> File:
    """Undo a deletion, until the purge begins (PURGE_DELAY). A repeat answers the file as it stands.

    An upload that was open is open again and one that was being verified is verified again. Where the content
    was uploaded anew meanwhile the file becomes a DUPLICATE of that.

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
        if found.deleted_at == file.deleted_at:
            raise WrongState(
                "The file's content is gone or going. Upload it again.",
                id=file_id,
                fileStatus=file.status.value,
            )
        # Others have brought it back meanwhile, and perhaps deleted it once more.
    if restored.status is Status.PROCESSING:
        await resources.verifications.send(restored.owner, file_id)
    elif restored.status is Status.DUPLICATE:
        await resources.sender.send(PURGE_OBJECT, file_id)
    return restored


async def _restored(resources: Resources, file: File) -> File | None:
    settings = resources.settings
    for _ in range(CONTENT_RACES):
        try:
            return await transitions.restore(
                file,
                settings.owner_quota_bytes,
                **_due_fields(file, timedelta(seconds=settings.upload_grace)),
            )
        except OverQuotaError as error:
            if (await repository.find(file.file_id)).deleted_at is None:
                return None  # It is back already, and counts.
            raise QuotaExceeded(size=file.size, used=error.charged, limit=error.quota) from None
        except ContentTakenError:
            winner = await repository.find_completed(file.owner, file.sha256 or "")
        if winner is not None:
            with suppress(WinnerGoneError):
                return await transitions.restore_as_duplicate(
                    file, winner, purge_at=NOW, due_at=Later(RECONCILE_AFTER_SECONDS)
                )
        # The other was deleted just now: the content is free again.
    raise ServiceUnavailable("MongoDB")


def _due_fields(file: File, grace: timedelta) -> dict[str, Any]:
    """Return what makes a restored file due again: its expiry or its verification."""
    if file.status is Status.PENDING:
        return {"expire_at": file.upload_expires_at + grace, "due_at": None}
    if file.status is Status.PROCESSING:
        # Not before the next look, if an earlier one has found a problem.
        return {"due_at": file.look_at or NOW}
    return {"due_at": None}
