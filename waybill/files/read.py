"""Get one file, or what all of them take."""

from waybill.files import repository
from waybill.files.model import File
from waybill.platform.principal import Principal


async def get_file(principal: Principal, file_id: str) -> File:
    """One file of the caller's, deleted ones included: a tombstone tells when its object went.

    Raises:
        FileNotFound: no such file of this owner.
    """
    return await repository.find(file_id, principal.owner)
