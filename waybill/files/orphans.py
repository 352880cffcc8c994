"""Find orphans: objects in the bucket that no record needs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from waybill.files import repository
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.platform.mongo import connection
from waybill.platform.s3.object_key import KEY_PREFIX, made_for
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
    """Yield objects under our prefix that are older than ``older_than`` and that no record needs.

    The bucket is listed before the database is read, so that a file which is requested meanwhile is never
    reported as an orphan. Keys that Waybill did not make are skipped.

    Raises:
        ServiceUnavailable: MongoDB or the store is unavailable.
    """
    newest = await connection.database_time() - older_than
    async for page in resources.storage.pages(KEY_PREFIX):
        old = [item for item in page if item.modified_at <= newest and made_for(item.key)]
        files = await repository.find_by_keys([item.key for item in old])
        # Read twice, because an object may move from one record to another during the first read.
        files |= await repository.find_by_keys([item.key for item in old if item.key not in files])
        for item in old:
            if item.key not in files:
                yield Orphan(item, Reason.NO_RECORD)
            elif _needs_no_object(files[item.key]):
                yield Orphan(item, Reason.PURGED)


def _needs_no_object(file: File) -> bool:
    """Return whether the record needs no object, and no purge is due that would remove one."""
    is_empty = file.purged_at is not None or (file.status is Status.DUPLICATE and file.deleted_at is None)
    return is_empty and file.due_at is None
