"""Delete: the record at once, the object soon after."""

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
    file = await documents.find(file_id, principal.owner)
    delay = resources.settings.purge_delay
    is_due_now = not delay or file.purge_at is not None
    deleted = await documents.change(
        file,
        {"deleted_at": None},
        deleted_at=NOW,
        # Of a file that nobody could have downloaded the purge was owed already, and is not put off.
        purge_at=file.purge_at or Later(delay),
        expire_at=None,
        due_at=Later(PATIENCE if is_due_now else delay),
        # A running hash loses its lease, and with it the right to write.
        attempt=None,
    )
    if deleted is None:
        return await documents.find(file_id, principal.owner)
    if is_due_now:
        await resources.sender.send(PURGE_OBJECT, file_id)
    return deleted
