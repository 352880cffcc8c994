"""Expiring many uploads at a time, while others change the same files."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.waybill.conftest import DAY, insert_file, new_file, reload, run_after_find, set_batch_size
from waybill.files import repository, transitions
from waybill.files.expire import expire_uploads
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.transitions import PENDING
from waybill.files.usage.quota import Owner
from waybill.platform.mongo import connection
from waybill.platform.mongo.expressions import NOW

pytestmark = pytest.mark.usefixtures("resources")

QUOTA = 1_000_000


async def overdue(owner: str, **fields: Any) -> File:
    return await insert_file(owner, expire_at=datetime.now(UTC) - DAY, **fields)


async def reserved(owner: str, size: int, overdue_by: timedelta = DAY) -> File:
    """An upload that its owner's quota has counted."""
    file = new_file(owner, size=size, expire_at=datetime.now(UTC) - overdue_by)
    await repository.insert(file, QUOTA)
    return file


async def charged(owner: str) -> int:
    found = await Owner.get_motor_collection().find_one({"_id": owner})
    assert found is not None
    return int(found["charged"])


async def test_all_are_given_up_however_many_batches_they_are(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_batch_size(monkeypatch, "find_expiring", 10)
    files = [await overdue(owner) for _ in range(35)]
    early = await insert_file(owner, expire_at=datetime.now(UTC) + DAY)
    before = await connection.database_time()
    assert await expire_uploads() == 35
    for file in [await reload(file) for file in files]:
        assert (file.status, file.expire_at) == (Status.EXPIRED, None)
        assert file.due_at is not None
        assert before <= file.due_at <= await connection.database_time()
        assert file.purge_at == file.due_at
    assert (await reload(early)).status is Status.PENDING
    assert await expire_uploads() == 0


async def test_a_refresh_between_finding_and_expiring_is_not_lost(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refreshed, abandoned = await overdue(owner), await overdue(owner)
    tomorrow = datetime.now(UTC) + DAY
    run_after_find(
        monkeypatch, "find_expiring", lambda: transitions.change(refreshed, PENDING, expire_at=tomorrow)
    )
    assert await expire_uploads() == 1
    assert (await reload(abandoned)).status is Status.EXPIRED
    assert (await reload(refreshed)).status is Status.PENDING


async def test_what_is_completed_or_deleted_meanwhile_does_not_expire(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    completed, deleted, abandoned = [await overdue(owner) for _ in range(3)]

    async def meanwhile() -> None:
        await transitions.transition(completed, Status.PROCESSING, expire_at=None)
        await transitions.change(deleted, {}, deleted_at=NOW, expire_at=None)

    run_after_find(monkeypatch, "find_expiring", meanwhile)
    assert await expire_uploads() == 1
    statuses = [(await reload(file)).status for file in (completed, deleted, abandoned)]
    assert statuses == [Status.PROCESSING, Status.PENDING, Status.EXPIRED]


async def test_each_owner_gets_back_what_its_own_had_reserved(owner: str) -> None:
    other = f"other-{owner}"
    for size in (1, 20, 300):
        await reserved(owner, size)
        await reserved(other, 7 * size)
        await overdue(owner, size=5000)  # never counted
    await reserved(owner, 4000, -DAY)
    assert (await charged(owner), await charged(other)) == (4321, 7 * 321)
    assert await expire_uploads() == 9
    assert (await charged(owner), await charged(other)) == (4000, 0)


async def test_what_is_released_meanwhile_is_released_once(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted, refreshed, _ = [await reserved(owner, size) for size in (1, 20, 300)]

    async def meanwhile() -> None:
        await transitions.change(deleted, {"deleted_at": None}, deleted_at=NOW, expire_at=None)
        await transitions.change(refreshed, PENDING, expire_at=datetime.now(UTC) + DAY)

    run_after_find(monkeypatch, "find_expiring", meanwhile)
    assert await expire_uploads() == 1
    assert await charged(owner) == 20


async def test_what_is_marked_meanwhile_expires_with_the_next_run(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await overdue(owner, size=300)
    await Owner.get_motor_collection().insert_one({"_id": owner, "charged": 300, "is_complete": True})
    mark = {"$set": {"charged": True}}
    with monkeypatch.context() as patch:
        run_after_find(
            patch, "find_expiring", lambda: File.get_motor_collection().update_one({"_id": file.id}, mark)
        )
        assert await expire_uploads() == 0
    assert (await charged(owner), (await reload(file)).status) == (300, Status.PENDING)
    assert await expire_uploads() == 1
    assert await charged(owner) == 0


async def test_runs_and_deletes_at_once_expire_and_release_each_file_once(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_batch_size(monkeypatch, "find_expiring", 10)
    files = [await reserved(owner, size) for size in range(1, 41)]
    run_after_find(monkeypatch, "find_expiring", lambda: asyncio.sleep(0))

    async def delete(file: File) -> bool:
        done = await transitions.change(file, {"deleted_at": None}, deleted_at=NOW, expire_at=None)
        return done is not None and done.status is Status.PENDING

    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(expire_uploads()) for _ in range(3)]
        deletions = [group.create_task(delete(file)) for file in files[::4]]
    # A run that finds another at its files leaves them to it; so may all three, to a later one.
    expired = sum(run.result() for run in runs) + await expire_uploads()
    assert expired + sum(deletion.result() for deletion in deletions) == len(files)
    assert await charged(owner) == 0


async def test_a_run_that_dies_between_two_batches_leaves_the_rest_to_the_next(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_batch_size(monkeypatch, "find_expiring", 10)
    for _ in range(25):
        await overdue(owner)
    deaths = iter([None, RuntimeError("killed")])

    async def die() -> None:
        if (death := next(deaths)) is not None:
            raise death

    with monkeypatch.context() as patch:
        run_after_find(patch, "find_expiring", die)
        with pytest.raises(RuntimeError, match="killed"):
            await expire_uploads()
    assert await expire_uploads() == 15
