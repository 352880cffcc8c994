"""Owners with many files: no request looks at all of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId

from tests.waybill.conftest import insert_batches, insert_file, new_file
from waybill import indexes
from waybill.files import due, handover, transitions
from waybill.files import repository as file_repository
from waybill.files.lifecycle import Status
from waybill.files.listing import filters as list_filters
from waybill.files.listing.filters import Filters
from waybill.files.model import File
from waybill.files.usage import quota, walk
from waybill.files.usage import repository as usage_repository
from waybill.files.usage.quota import OverQuotaError, Owner
from waybill.platform.mongo.expressions import NOW
from waybill.resources import Resources

FILES = 3000
QUOTA = 10 * FILES


@pytest.fixture(autouse=True)
async def _owners(resources: Resources) -> None:
    await Owner.get_motor_collection().delete_many({})


async def unmarked(owner: str, count: int) -> None:
    """Files of an older release, from a time without a quota."""
    file = new_file(owner).model_dump(exclude_none=True, exclude={"id"}) | {
        "status": "PENDING",
        "name_search": "a",
    }
    await insert_batches(File.get_motor_collection(), [{**file, "_id": ObjectId()} for _ in range(count)])


@asynccontextmanager
async def examined() -> AsyncIterator[Callable[[], Any]]:
    """How many documents and index keys the commands in the context examined, after it."""
    database = File.get_motor_collection().database
    began = datetime.now(UTC)
    found: list[int] = []
    await database.command("profile", 2)
    try:
        yield lambda: found[0]
    finally:
        await database.command("profile", 0)
        profiled = database["system.profile"].find(
            {"ts": {"$gte": began}, "ns": {"$regex": "files$|owners$"}}
        )
        found.append(
            sum(
                [
                    max(each.get("docsExamined", 0), each.get("keysExamined", 0))
                    async for each in profiled
                    if each.get("ns", "").split(".")[-1] in {"files", "owners"}
                ]
            )
        )


async def test_an_upload_does_bounded_work_before_during_and_after_init(
    owner: str, resources: Resources
) -> None:
    await unmarked(owner, FILES)
    for prepare in (
        indexes.create_indexes,
        lambda: walk.walk_on(has_quota=True),
        indexes.create_indexes,
    ):
        for _ in range(2):
            async with examined() as number:
                await file_repository.insert(new_file(owner), QUOTA)
            assert number() < FILES / 4
        await prepare()
    while await walk.walk_on(has_quota=True):
        pass
    for _ in range(2):
        async with examined() as number:
            await file_repository.insert(new_file(owner), QUOTA)
        assert number() < FILES / 4


async def test_many_files_from_before_a_quota_are_marked_in_the_background(
    owner: str, resources: Resources
) -> None:
    await unmarked(owner, quota.LOOK_FILES + 1)
    # More than what is marked so far is not known to be there.
    await file_repository.insert(new_file(owner, size=7), 10)
    while await walk.walk_on(has_quota=True):
        pass
    with pytest.raises(OverQuotaError) as caught:
        await file_repository.insert(new_file(owner), 10)
    assert caught.value.charged == quota.LOOK_FILES + 8
    # Once more, on the files that are marked already.
    await indexes.create_indexes()
    while await walk.walk_on(has_quota=True):
        pass
    with pytest.raises(OverQuotaError) as caught:
        await file_repository.insert(new_file(owner), 10)
    assert caught.value.charged == quota.LOOK_FILES + 8


async def test_a_quota_that_was_off_for_a_while_is_exact_again(owner: str, resources: Resources) -> None:
    marked = new_file(owner, size=50)
    await file_repository.insert(marked, 1000)
    deleted = await insert_file(owner, size=20)
    await insert_file(owner, size=30)
    # Off: released by its own mark, or not at all.
    await transitions.change(marked, {}, deleted_at=NOW)
    await transitions.change(deleted, {}, deleted_at=NOW)
    await indexes.create_indexes()
    while await walk.walk_on(has_quota=False):
        pass
    with pytest.raises(OverQuotaError) as caught:
        await file_repository.insert(new_file(owner, size=1000), 1000)
    assert caught.value.charged == 30


@pytest.mark.parametrize(
    ("filters", "is_counted"),
    [
        (Filters(name_prefix="a"), False),
        (Filters(content_type="x/y"), False),
        (Filters(min_size=0), False),
        (Filters(created_after=datetime(2020, 1, 1, tzinfo=UTC)), False),
        (Filters(name_prefix="rare"), True),
        (Filters(min_size=9, content_type="a/*"), True),
    ],
)
async def test_a_count_does_bounded_work(
    owner: str, monkeypatch: pytest.MonkeyPatch, filters: Filters, is_counted: bool
) -> None:
    await unmarked(owner, FILES)
    await insert_file(owner, name="rare", size=9)
    monkeypatch.setattr(list_filters, "MAX_COUNTED_FILES", 20)
    async with examined() as number:
        assert await list_filters.count_files(owner, filters) == (1 if is_counted else None)
    assert number() < 100


async def test_a_count_of_the_trash_does_bounded_work(owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await unmarked(owner, 200)
    await File.get_motor_collection().update_many(
        {"owner": owner}, {"$set": {"deleted_at": datetime.now(UTC)}}
    )
    assert await list_filters.count_files(owner, Filters(deleted=True)) == 200
    monkeypatch.setattr(list_filters, "MAX_COUNTED_FILES", 20)
    async with examined() as number:
        assert await list_filters.count_files(owner, Filters(deleted=True, min_size=5)) is None
    assert number() < 100


async def test_sums_do_bounded_work(owner: str, resources: Resources) -> None:
    await unmarked(owner, FILES)
    while await walk.walk_on(has_quota=False):
        pass
    await insert_file(owner)
    async with examined() as number:
        assert await list_filters.count_files(owner, Filters()) == FILES + 1
        assert (await usage_repository.find_usage_history(owner)).days == {}
    assert number() < 100


async def test_the_search_for_an_owners_next_verifications_reads_only_these(
    owner: str, resources: Resources
) -> None:
    waiting = new_file(owner).model_dump(exclude_none=True, exclude={"id"})
    waiting |= {"status": "PROCESSING", "due_at": datetime.now(UTC)}
    await insert_batches(File.get_motor_collection(), [{**waiting, "_id": ObjectId()} for _ in range(FILES)])
    async with examined() as number:
        assert len(await due.find_due_verifications(owner, limit=64)) == 64
    assert number() <= 2 * 64
    async with examined() as number:
        groups = [group async for group in due.find_due_owners("", page=256)]
    assert [len(group.ids) for group in groups] == [256]
    assert number() <= 3 * 256


async def test_a_deletion_does_bounded_work_however_many_names_the_content_has(
    owner: str, resources: Resources
) -> None:
    content = {"sha256": "0" * 64, "duplicated_at": datetime.now(UTC)}
    holder = await insert_file(owner, status=Status.COMPLETED, **content)
    name = new_file(owner).model_dump(exclude_none=True, exclude={"id"})
    name |= {"status": "DUPLICATE", "sha256": "0" * 64, "duplicate_of": holder.id}
    await insert_batches(
        File.get_motor_collection(),
        [{**name, "_id": ObjectId(), "object_key": str(number)} for number in range(FILES)],
    )
    async with examined() as number:
        assert await handover.delete(holder, {"deleted_at": None}, deleted_at=NOW) is not None
    assert number() < 6 * handover.FOLLOWERS
    async with examined() as number:
        assert await handover.follow_names() == FILES - 1 - handover.FOLLOWERS
    assert number() < 6 * FILES
