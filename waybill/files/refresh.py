"""Refresh an open upload: sign new URLs, and delay its expiry."""

from waybill.files import repository
from waybill.files.open_upload import UploadGrant, extend, grant_upload
from waybill.platform.principal import Principal
from waybill.resources import Resources


async def refresh_upload(resources: Resources, principal: Principal, file_id: str) -> UploadGrant:
    """Return a new grant for a PENDING file, and delay its expiry.

    Raises:
        FileNotFound: no such file of this owner.
        WrongState: the file is no longer PENDING, is deleted, or was requested too long ago.
        ServiceUnavailable: MongoDB is unavailable; a repeat is safe.
    """
    file = await repository.find(file_id, principal.owner)
    return grant_upload(resources, await extend(resources, file))
