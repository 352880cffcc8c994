"""The client says that the bytes are there: look, and have them verified."""

from waybill import documents
from waybill.documents import File, Later
from waybill.errors import ObjectMissing, PartsMissing
from waybill.lifecycle import Status
from waybill.messages import PATIENCE, VERIFY_UPLOAD
from waybill.principal import Principal
from waybill.resources import Resources
from waybill.storage import ObjectHead
from waybill.usecases.open_upload import ensure_open, is_open
from waybill.usecases.parts import assemble


async def complete_upload(resources: Resources, principal: Principal, file_id: str) -> File:
    """Move a PENDING file to PROCESSING and have it verified. A repeat answers the file as it stands.

    Raises:
        FileNotFound: no such file of this owner.
        ObjectMissing: the store does not hold the object; the file stays PENDING.
        PartsMissing: of a file that is sent in parts; the file stays PENDING.
        WrongState: the file is deleted or EXPIRED.
        ServiceUnavailable: MongoDB or the store is away; a repeat is safe.
    """
    file = await documents.find(file_id, principal.owner)
    if not is_open(file):
        return _as_it_stands(file)
    try:
        head = await _arrived(resources, file)
    except (ObjectMissing, PartsMissing):
        # The expiry or a delete may have been first, and taken the object away.
        file = await documents.find(file_id, principal.owner)
        if not is_open(file):
            return _as_it_stands(file)
        raise
    moved = await begin_verification(resources, file, head)
    return moved or _as_it_stands(await documents.find(file_id, principal.owner))


async def begin_verification(resources: Resources, file: File, head: ObjectHead) -> File | None:
    """Move a PENDING file whose object was seen to PROCESSING, and have a worker read that very object.

    Returns:
        The file after the move, or None where it was not PENDING any more.
    """
    # From here the document says what is owed; a message that is lost is sent again by the reconciler.
    moved = await documents.transition(
        file, Status.PROCESSING, etag=head.etag, expire_at=None, due_at=Later(PATIENCE)
    )
    if moved is not None:
        await resources.sender.send(VERIFY_UPLOAD, file.file_id)
    return moved


async def _arrived(resources: Resources, file: File) -> ObjectHead:
    """What has arrived, made one object where it came in parts."""
    if file.part_plan is not None:
        head = await assemble(resources, file)
    else:
        head = await resources.storage.head(file.object_key)
    if head is None:
        raise ObjectMissing(
            "The object store does not hold this upload yet. Send the bytes to its URL, then complete.",
            id=file.file_id,
        )
    return head


def _as_it_stands(file: File) -> File:
    """The answer to a repeat. Of an upload that is over, without having been completed, there is none."""
    if file.deleted_at is not None or file.status is Status.EXPIRED:
        ensure_open(file)
    return file
