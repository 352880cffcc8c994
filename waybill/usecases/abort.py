"""Give up an upload that is still open, and free what has arrived of it."""

from waybill import documents
from waybill.documents import NOW, PENDING, File, Later
from waybill.lifecycle import Status
from waybill.messages import PATIENCE, PURGE_OBJECT
from waybill.principal import Principal
from waybill.resources import Resources
from waybill.usecases.open_upload import ensure_open


async def abort_upload(resources: Resources, principal: Principal, file_id: str) -> File:
    """Delete a PENDING file and purge it now: what arrived is no whole file, so no trash keeps it.

    A file that was completed stays as it is: an abort that comes too late deletes nothing. A repeat returns
    the file as it stands.

    Raises:
        FileNotFound: no such file of this owner.
        WrongState: the upload is completed or EXPIRED.
        ServiceUnavailable: MongoDB is away; a repeat is safe.
    """
    while True:
        file = await documents.find(file_id, principal.owner)
        if file.status is Status.PENDING and file.deleted_at is not None:
            return file
        ensure_open(file)
        aborted = await documents.change(
            file, PENDING, deleted_at=NOW, purge_at=NOW, expire_at=None, due_at=Later(PATIENCE)
        )
        if aborted is not None:
            # If the process dies after this line, the reconciler sends the purge, because the file is due.
            await resources.sender.send(PURGE_OBJECT, file_id)
            return aborted
