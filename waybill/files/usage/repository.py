"""The storage that an owner uses: by status, by day of completion, and by type."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from waybill.files.lifecycle import Status
from waybill.files.usage.sums import Sum, Sums, read_sums

#: The most families of content types that are returned. Clients may invent any number.
MAX_TYPES = 100

#: The most days that are read: more than a century.
MAX_DAYS = 40_000

_STATUSES = {"status": len(Status)}


@dataclass(frozen=True, slots=True)
class UsageHistory:
    """Sums of COMPLETED, undeleted files.

    ``days`` are the days of completion in UTC, the earliest first, without days that have no files. ``types``
    are families of content types in lower case (`image` of `image/png`), up to ``MAX_TYPES``, the largest
    first.
    """

    days: Mapping[date, Sum]
    types: Mapping[str, Sum]


async def sum_by_status(owner: str) -> dict[Status, Sum]:
    """Return the sums of an owner's undeleted files, by status.

    Exact, except for an owner with many files from a release without sums, until the first lap has ended.
    """
    return _by_status(await read_sums(owner, _STATUSES))


async def count_by_status(owner: str, statuses: frozenset[Status]) -> int | None:
    """Return how many undeleted files an owner has in some statuses, or in all; None if it is not known."""
    sums = await read_sums(owner, _STATUSES)
    if not sums.is_exact:
        return None
    return sum(each.files for status, each in _by_status(sums).items() if not statuses or status in statuses)


async def find_usage_history(owner: str) -> UsageHistory:
    """Return the history of an owner's files. Exact whenever ``sum_by_status`` is."""
    sums = await read_sums(owner, {"day": MAX_DAYS, "type": MAX_TYPES})
    days = {date.fromisoformat(day): each for day, each in sums.by_kind.get("day", {}).items()}
    types = sorted(sums.by_kind.get("type", {}).items(), key=lambda item: (-item[1].size, item[0]))
    return UsageHistory(days=dict(sorted(days.items())), types=dict(types[:MAX_TYPES]))


def _by_status(sums: Sums) -> dict[Status, Sum]:
    return {Status(status): each for status, each in sums.by_kind.get("status", {}).items()}
