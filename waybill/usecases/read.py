"""Get one file, or what all of them take."""

from dataclasses import dataclass

from waybill import documents
from waybill.documents import File, UsageHistory
from waybill.lifecycle import Status
from waybill.principal import Principal
from waybill.settings import Settings


async def get_file(principal: Principal, file_id: str) -> File:
    """One file of the caller's, deleted ones included: a tombstone tells when its object went.

    Raises:
        FileNotFound: no such file of this owner.
    """
    return await documents.find(file_id, principal.owner)


@dataclass(frozen=True, slots=True)
class Usage:
    """What an owner's files take, in bytes; ``limit`` is None where there is no quota."""

    used: int
    reserved: int
    files: int
    limit: int | None


async def get_usage(settings: Settings, principal: Principal) -> Usage:
    """What the caller's files take: ``used`` by the COMPLETED, ``reserved`` by those on their way there."""
    sums = await documents.sum_by_status(principal.owner)
    stored = sums.pop(Status.COMPLETED, documents.Sum(0, 0))
    return Usage(
        used=stored.size,
        reserved=sum(sums[status].size for status in (Status.PENDING, Status.PROCESSING) if status in sums),
        files=stored.files,
        limit=settings.owner_quota_bytes,
    )


async def get_usage_history(principal: Principal) -> UsageHistory:
    """What the caller's COMPLETED files take, by day and by type."""
    return await documents.find_usage_history(principal.owner)
