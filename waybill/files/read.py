"""Get one file."""

from waybill.files import repository
from waybill.files.model import File
from waybill.platform.principal import Principal


async def get_file(principal: Principal, file_id: str) -> File:
    """Return one of the caller's files.

    Deleted files are included, since a tombstone shows when it was purged.

    Raises:
        FileNotFound: no such file of this owner.
    """
    return await repository.find(file_id, principal.owner)
