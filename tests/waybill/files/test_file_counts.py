"""Files are counted now and then, by one for all."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.waybill.conftest import insert_file
from waybill.files import file_counts
from waybill.files.file_counts import INTERVAL_SECONDS
from waybill.files.lifecycle import Status
from waybill.files.usage.sums import Sum
from waybill.platform.mongo.connection import files_collection
from waybill.resources import Resources


@pytest.fixture
async def censuses(resources: Resources) -> Any:
    """The collection of counts, empty."""
    censuses = files_collection().database["censuses"]
    await censuses.delete_many({})
    return censuses


async def test_before_the_first_time_nothing_is_known(censuses: Any) -> None:
    assert await file_counts.latest_counts() is None


async def test_undeleted_files_are_counted_by_status(censuses: Any, owner: str) -> None:
    now = datetime.now(UTC)
    await insert_file(owner, size=5)
    await insert_file(f"not-{owner}", size=7)
    await insert_file(owner, size=1, status=Status.COMPLETED, sha256="0" * 64)
    await insert_file(owner, size=1, status=Status.COMPLETED, sha256="1" * 64, deleted_at=now)
    assert await file_counts.refresh_counts()
    assert await file_counts.latest_counts() == {Status.PENDING: Sum(2, 12), Status.COMPLETED: Sum(1, 1)}


async def test_between_two_times_nobody_counts(censuses: Any, owner: str) -> None:
    assert await file_counts.refresh_counts()
    await insert_file(owner)
    assert not await file_counts.refresh_counts()
    assert await file_counts.latest_counts() == {}
    taken = await censuses.find_one()
    assert (taken["due_at"] - taken["counted_at"]).total_seconds() >= INTERVAL_SECONDS
    await censuses.update_one({}, {"$set": {"due_at": datetime(2000, 1, 1, tzinfo=UTC)}})
    assert await file_counts.refresh_counts()
    assert await file_counts.latest_counts() == {Status.PENDING: Sum(1, 1)}


async def test_files_are_counted_from_an_index_alone(resources: Resources, owner: str) -> None:
    await insert_file(owner)
    explained = await files_collection().database.command(
        "explain",
        {
            "aggregate": "files",
            "pipeline": file_counts.PIPELINE,
            "hint": file_counts.INDEX,
            "cursor": {},
        },
        verbosity="executionStats",
    )
    (stage,) = [stage["$cursor"] for stage in explained.get("stages", ()) if "$cursor" in stage] or [
        explained
    ]
    stats = stage["executionStats"]
    assert (stats["totalKeysExamined"], stats["totalDocsExamined"]) == (1, 0)
