"""The client says that the bytes are there: look, and have them verified."""

from waybill import documents
from waybill.documents import File, Later
from waybill.errors import ObjectMissing, WrongState
from waybill.lifecycle import Status
from waybill.messages import PATIENCE, VERIFY_UPLOAD
from waybill.principal import Principal
from waybill.resources import Resources


async def complete_upload(resources: Resources, principal: Principal, file_id: str) -> File:
    """Move a PENDING file to PROCESSING and have it verified. A repeat answers the file as it stands.

    Raises:
        FileNotFound: no such file of this owner.
        ObjectMissing: the store does not hold the object; the file stays PENDING.
        WrongState: the file is deleted or EXPIRED.
        ServiceUnavailable: MongoDB or the store is away; a repeat is safe.
    """
    file = await documents.find(file_id, principal.owner)
    if file.status is not Status.PENDING or file.deleted_at is not None:
        return _as_it_stands(file)
    head = await resources.storage.head(file.object_key)
    if head is None:
        # The expiry or a delete may have been first, and taken the object away.
        file = await documents.find(file_id, principal.owner)
        if file.status is not Status.PENDING or file.deleted_at is not None:
            return _as_it_stands(file)
        raise ObjectMissing(
            "The object store does not hold this upload yet. Send the bytes to its URL, then complete.",
            id=file_id,
        )
    # From here the document says what is owed; a message that is lost is sent again by the reconciler.
    moved = await documents.transition(
        file, Status.PROCESSING, etag=head.etag, expire_at=None, due_at=Later(PATIENCE)
    )
    if moved is None:
        return _as_it_stands(await documents.find(file_id, principal.owner))
    await resources.sender.send(VERIFY_UPLOAD, file_id)
    return moved


def _as_it_stands(file: File) -> File:
    if file.deleted_at is not None:
        raise WrongState(
            "The file is deleted. Request a new upload.", id=file.file_id, fileStatus=file.status.value
        )
    if file.status is Status.EXPIRED:
        raise WrongState(
            "The upload was not completed in time and has expired. Request a new one.",
            id=file.file_id,
            fileStatus=file.status.value,
        )
    return file
