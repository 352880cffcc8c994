"""Objects in the bucket that no record speaks for."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from waybill.files import repository
from waybill.platform.mongo import connection
from waybill.platform.s3.object_key import KEY_PREFIX, file_id_of
from waybill.platform.s3.storage import StoredObject
from waybill.resources import Resources


class Reason(StrEnum):
    """Why an object is an orphan."""

    NO_RECORD = "no_record"
    PURGED = "purged"


@dataclass(frozen=True, slots=True)
class Orphan:
    """An object to remove, and why."""

    object: StoredObject
    reason: Reason


async def find_orphans(resources: Resources, older_than: timedelta) -> AsyncIterator[Orphan]:
    """Objects of ours, last written longer ago than ``older_than``, without a record that wants them.

    The bucket is listed first and the database asked afterwards, so that a file which is requested meanwhile
    is never taken for an orphan. Keys that are not of our making are passed over.

    Raises:
        ServiceUnavailable: MongoDB or the store is away.
    """
    newest = await connection.database_time() - older_than
    async for page in resources.storage.pages(KEY_PREFIX):
        old = {file_id_of(item.key): item for item in page if item.modified_at <= newest}
        old.pop(None, None)
        files = await repository.find_many(file_id for file_id in old if file_id is not None)
        for file_id, item in old.items():
            file = files.get(file_id or "")
            if file is None or file.object_key != item.key:
                yield Orphan(item, Reason.NO_RECORD)
            elif file.purged_at is not None and file.due_at is None:
                yield Orphan(item, Reason.PURGED)
