"""Give up an upload that is still open, and free what has arrived of it."""

from waybill.files import repository, transitions
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.open_upload import ensure_open
from waybill.files.transitions import PENDING
from waybill.platform.mongo.expressions import NOW, InSeconds
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources


async def abort_upload(resources: Resources, principal: Principal, file_id: str) -> File:
    """Delete a PENDING file and purge it now. It skips the trash, because an incomplete upload is of no use.

    A completed file stays as it is: an abort that comes too late deletes nothing. A repeat returns
    the file as it is.

    Raises:
        FileNotFound: no such file of this owner.
        WrongState: the upload is completed or EXPIRED.
        ServiceUnavailable: MongoDB is unavailable; a repeat is safe.
    """
    while True:
        file = await repository.find(file_id, principal.owner)
        if file.status is Status.PENDING and file.deleted_at is not None:
            return file
        ensure_open(file)
        aborted = await transitions.change(
            file,
            PENDING,
            deleted_at=NOW,
            purge_at=NOW,
            expire_at=None,
            due_at=InSeconds(RECONCILE_AFTER_SECONDS),
        )
        if aborted is not None:
            # If the process dies after this line, the reconciler sends the purge, because the file is due.
            await resources.sender.send(PURGE_OBJECT, file_id)
            return aborted
