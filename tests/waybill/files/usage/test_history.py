"""What an owner's files take, by day and by type."""

import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.waybill.conftest import insert_file
from waybill.files import transitions
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.usage import repository
from waybill.files.usage.sums import Sum
from waybill.platform.mongo.expressions import NOW

pytestmark = pytest.mark.usefixtures("resources")

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


async def completed(owner: str, **fields: Any) -> File:
    given = {"status": Status.COMPLETED, "sha256": secrets.token_hex(32), "completed_at": MIDNIGHT} | fields
    return await insert_file(owner, **given)


async def test_a_day_ends_at_midnight_of_utc(owner: str) -> None:
    await completed(owner, size=4, completed_at=MIDNIGHT)
    await completed(owner, size=2, completed_at=MIDNIGHT - MILLISECOND)
    await completed(owner, size=1, completed_at=MIDNIGHT - timedelta(days=1))
    found = await repository.find_usage_history(owner)
    assert [*found.days.items()] == [(date(2026, 2, 28), Sum(2, 3)), (date(2026, 3, 1), Sum(1, 4))]


async def test_large_families_come_first_and_those_of_one_size_by_name(owner: str) -> None:
    for content_type, size in (("b/x", 1), ("a/x", 1), ("c/x", 2), ("B/y", 0)):
        await completed(owner, content_type=content_type, size=size)
    found = await repository.find_usage_history(owner)
    assert [*found.types.items()] == [("c", Sum(1, 2)), ("a", Sum(1, 1)), ("b", Sum(2, 1))]


async def test_sizes_outgrow_32_bits(owner: str) -> None:
    for _ in range(3):
        await completed(owner, size=5 * 2**40)
    found = await repository.find_usage_history(owner)
    assert [*found.days.values(), *found.types.values()] == [Sum(3, 15 * 2**40)] * 2


async def test_made_up_families_do_not_swell_the_answer(owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "MAX_TYPES", 2)
    for size in (1, 3, 2):
        await completed(owner, content_type=f"x{size}/a", size=size)
    found = await repository.find_usage_history(owner)
    assert [*found.types] == ["x3", "x2"]
    assert [*found.days.values()] == [Sum(3, 6)]


async def test_only_what_is_stored_counts(owner: str) -> None:
    await completed(owner)
    await transitions.change(await completed(owner), {}, deleted_at=NOW)
    for status in Status:
        if status is not Status.COMPLETED:
            await insert_file(owner, status=status)
    await completed(f"not-{owner}")
    assert [*(await repository.find_usage_history(owner)).days.values()] == [Sum(1, 1)]
