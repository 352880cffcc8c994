"""The storage that a caller uses, in total, and by day and type."""

from dataclasses import dataclass

from waybill.files.lifecycle import Status
from waybill.files.usage import repository
from waybill.files.usage import sums as usage_sums
from waybill.files.usage.repository import UsageHistory
from waybill.platform.principal import Principal
from waybill.platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Usage:
    """The storage that an owner uses, in bytes. ``limit`` is None if there is no quota."""

    used: int
    reserved: int
    files: int
    limit: int | None


async def get_usage(settings: Settings, principal: Principal) -> Usage:
    """Return the caller's usage: ``used`` by COMPLETED files, ``reserved`` by PENDING and PROCESSING ones."""
    sums = await repository.sum_by_status(principal.owner)
    stored = sums.pop(Status.COMPLETED, usage_sums.Sum(0, 0))
    return Usage(
        used=stored.size,
        reserved=sum(sums[status].size for status in (Status.PENDING, Status.PROCESSING) if status in sums),
        files=stored.files,
        limit=settings.owner_quota_bytes,
    )


async def get_usage_history(principal: Principal) -> UsageHistory:
    """Return the storage of the caller's COMPLETED files, by day and by type."""
    return await repository.find_usage_history(principal.owner)
