"""Give an upload that is still open more time."""

from waybill.files import repository
from waybill.files.open_upload import UploadGrant, extend, grant_upload
from waybill.platform.principal import Principal
from waybill.resources import Resources


async def refresh_upload(resources: Resources, principal: Principal, file_id: str) -> UploadGrant:
    """Return a new grant for a PENDING file, and put its expiry off.

    Raises:
        FileNotFound: no such file of this owner.
        WrongState: the file is no longer PENDING, or deleted, or was announced too long ago.
        ServiceUnavailable: MongoDB is away; a repeat is safe.
    """
    file = await repository.find(file_id, principal.owner)
    return grant_upload(resources, await extend(resources, file))
