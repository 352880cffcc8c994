"""Stored sums equal a full count, also if files change while they are folded."""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.waybill.conftest import insert_file, reload
from waybill import indexes
from waybill.events import change_stream
from waybill.files import transitions
from waybill.files.lifecycle import Status
from waybill.files.listing import filters
from waybill.files.listing.filters import Filters
from waybill.files.model import File, FileId
from waybill.files.transitions import ContentTakenError
from waybill.files.usage import repository, sums, walk
from waybill.files.usage import sums as usage_sums
from waybill.files.usage.keep_sums import keep_once
from waybill.files.usage.laps import Lap, ask_for_lap
from waybill.files.usage.sums import StoredSum, Sum, read_sums
from waybill.platform.mongo.expressions import NOW
from waybill.resources import Resources

KINDS = {"status": 10, "day": 10, "type": 10}


@pytest.fixture(autouse=True)
async def _walked(resources: Resources) -> None:
    """Every file has been looked at once, so that no small owner is counted instead."""
    await keep_once(resources)


async def completed(owner: str, **fields: Any) -> File:
    given = {"status": Status.COMPLETED, "sha256": secrets.token_hex(32), "completed_at": datetime.now(UTC)}
    return await insert_file(owner, **given | fields)


async def counted(owner: str) -> dict[str, dict[str, Sum]]:
    """What all files of an owner add up to."""
    found: dict[str, dict[str, Sum]] = {}
    async for file in File.get_motor_collection().find({"owner": owner}):
        for kind, key in sums.contribution(file).items():
            of_kind = found.setdefault(kind, {})
            of_kind[key] = of_kind.get(key, Sum()) + Sum(1, file["size"])
    return found


async def are_exact(owner: str) -> None:
    read = await read_sums(owner, KINDS)
    assert read.is_exact
    assert read.by_kind == await counted(owner)


async def kept_alone(owner: str) -> dict[str, dict[str, Sum]]:
    """Return the stored sums, without the files that are still marked."""
    found: dict[str, dict[str, Sum]] = {}
    async for each in StoredSum.get_motor_collection().find({"_id.owner": owner}):
        found.setdefault(each["_id"]["kind"], {})[each["_id"]["key"]] = Sum(each["files"], each["size"])
    return found


async def change_as_an_older_release(file_id: FileId, update: dict[str, Any]) -> None:
    await File.get_motor_collection().update_one({"_id": file_id}, update)


async def test_sums_are_exact_before_and_after_each_fold(owner: str) -> None:
    chance = random.Random(1)
    files: list[File] = []

    async def insert() -> None:
        files.append(
            await insert_file(owner, size=chance.randrange(100), content_type=chance.choice(("A/b", "c/d")))
        )

    async def complete() -> None:
        file = chance.choice(files)
        await transitions.transition(file, Status.PROCESSING)
        await transitions.transition(
            file, Status.COMPLETED, sha256=secrets.token_hex(32), completed_at=datetime.now(UTC)
        )

    async def fail() -> None:
        await transitions.transition(chance.choice(files), Status.FAILED)

    async def delete() -> None:
        await transitions.change(chance.choice(files), {"deleted_at": None}, deleted_at=NOW)

    async def restore() -> None:
        await transitions.restore(chance.choice(files), None)

    async def expire() -> None:
        some = chance.sample(files, len(files) // 2)
        found = [{"_id": file.key, "owner": owner} for file in some]
        await transitions.transition_many(found, Status.EXPIRED, {})

    async def fold() -> None:
        await usage_sums.fold_marked()
        assert await kept_alone(owner) == await counted(owner)

    steps: tuple[Callable[[], Awaitable[None]], ...] = (insert, insert, complete, fail, delete, restore, fold)
    for _ in range(10):
        await insert()
    for number in range(300):
        await chance.choice(steps if number % 50 else (expire,))()
        await are_exact(owner)


async def test_sums_are_exact_after_races_with_folds(owner: str) -> None:
    files = [await completed(owner, size=number) for number in range(20)]
    files += [await insert_file(owner, size=number) for number in range(20)]
    is_over = asyncio.Event()

    async def fold() -> None:
        while not is_over.is_set():
            await usage_sums.fold_marked()

    async def use(file: File) -> None:
        for _ in range(5):
            await transitions.change(file, {"deleted_at": None}, deleted_at=NOW)
            await transitions.restore(file, None)
            await transitions.transition(file, Status.PROCESSING)

    folding = [asyncio.create_task(fold()) for _ in range(3)]
    await asyncio.gather(*(use(file) for file in files))
    is_over.set()
    await asyncio.gather(*folding)
    await are_exact(owner)
    await usage_sums.fold_marked()
    assert await kept_alone(owner) == await counted(owner)


async def test_a_fold_that_dies_between_two_writes_has_written_nothing(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await insert_file(owner, size=7)
    await usage_sums.fold_marked()
    await transitions.transition(file, Status.PROCESSING)
    before = await kept_alone(owner)
    with monkeypatch.context() as patched:
        # The sums are written, and the files are not.
        patched.setattr(sums, "UpdateMany", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await usage_sums.fold_marked()
    assert await kept_alone(owner) == before
    await are_exact(owner)
    await usage_sums.fold_marked()
    assert await kept_alone(owner) == await counted(owner)


async def test_two_folds_of_the_same_files_count_them_once(owner: str) -> None:
    ids = [(await insert_file(owner)).key for _ in range(30)]
    await asyncio.gather(*(sums.fold(ids) for _ in range(4)))
    await usage_sums.fold_marked()
    assert await kept_alone(owner) == {"status": {"PENDING": Sum(30, 30)}}


async def test_a_lap_finds_what_an_older_release_has_changed(owner: str, resources: Resources) -> None:
    files = [await completed(owner, size=number) for number in range(4)]
    await usage_sums.fold_marked()
    raw = File.get_motor_collection()
    await change_as_an_older_release(files[0].key, {"$set": {"deleted_at": datetime.now(UTC)}})
    await change_as_an_older_release(files[1].key, {"$set": {"status": "FAILED"}})
    old = await raw.find_one({"_id": files[2].key}, {"_id": 0, "unsummed": 0, "summed": 0, "sha256": 0})
    await raw.insert_one(old)
    assert (await read_sums(owner, KINDS)).by_kind != await counted(owner)
    await ask_for_lap()
    await keep_once(resources)
    await are_exact(owner)
    assert await kept_alone(owner) == await counted(owner)


async def stored_lap() -> dict[str, Any]:
    """The document of the walk, as it is stored."""
    [lap] = await Lap.get_motor_collection().find().to_list(2)
    stored: dict[str, Any] = lap
    return stored


async def test_the_walk_goes_on_from_where_it_was(
    owner: str, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waybill.files.usage.walk.BATCH_FILES", 2)
    files = [await insert_file(owner) for _ in range(5)]
    await File.get_motor_collection().update_many({}, {"$unset": {"unsummed": 1}})
    await ask_for_lap()
    assert await walk.walk_on(has_quota=False)
    place = await stored_lap()
    assert place["after"] == files[1].key
    # `waybill init` does not begin anew, and is answered by a lap of its own.
    await indexes.create_indexes()
    assert await walk.walk_on(has_quota=False)
    place = await stored_lap()
    assert (place["after"], place["laps"]) == (files[3].key, 1)
    await keep_once(resources)
    place = await stored_lap()
    assert (place.get("after"), place["laps"]) == (None, 3)
    assert await kept_alone(owner) == await counted(owner)
    assert not await walk.walk_on(has_quota=False)


async def test_documents_that_are_no_files_stop_neither_folds_nor_the_walk(
    owner: str, resources: Resources
) -> None:
    await File.get_motor_collection().insert_one({"owner": owner, "size": 1})
    await File.get_motor_collection().insert_one({"owner": owner, "status": "COMPLETED", "unsummed": True})
    file = await insert_file(owner)
    await change_as_an_older_release(file.key, {"$unset": {"unsummed": 1}})
    await ask_for_lap()
    await keep_once(resources)
    assert await kept_alone(owner) == {"status": {"PENDING": Sum(1, 1)}}
    assert await repository.sum_by_status(owner) == {Status.PENDING: Sum(1, 1)}


async def test_before_the_first_lap_few_files_are_counted_and_many_are_not(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Lap.get_motor_collection().delete_many({})
    files = [await insert_file(owner) for _ in range(4)]
    await File.get_motor_collection().update_many({}, {"$unset": {"unsummed": 1}})
    monkeypatch.setattr(sums, "MAX_COUNTED_FILES", 4)
    await are_exact(owner)
    assert await filters.count_files(owner, Filters()) == 4
    monkeypatch.setattr(sums, "MAX_COUNTED_FILES", 3)
    await transitions.change(files[0], {}, status=Status.PROCESSING)
    assert await repository.sum_by_status(owner) == {Status.PROCESSING: Sum(1, 1)}
    assert await filters.count_files(owner, Filters()) is None


async def test_a_type_that_no_file_has_any_longer_leaves_no_sum(owner: str) -> None:
    file = await completed(owner, content_type="invented/a")
    await usage_sums.fold_marked()
    await transitions.change(await reload(file), {}, deleted_at=NOW)
    await usage_sums.fold_marked()
    assert await kept_alone(owner) == {}


async def test_followers_do_not_see_a_fold(owner: str) -> None:
    feed = change_stream.watch(await change_stream.current_resume_token(), owner)
    file = await insert_file(owner)
    await usage_sums.fold_marked()
    await transitions.transition(file, Status.PROCESSING)
    seen: list[Status] = []
    async for each in feed:
        if isinstance(each, change_stream.Change):
            seen.append(each.file.status)
            if each.file.status is Status.PROCESSING:
                break
    assert Counter(seen) == {Status.PENDING: 1, Status.PROCESSING: 1}
    await feed.aclose()


async def test_a_race_for_a_content_leaves_exact_sums(owner: str) -> None:
    files = [await insert_file(owner, status=Status.PROCESSING) for _ in range(10)]

    async def complete(file: File) -> None:
        try:
            await transitions.transition(
                file, Status.COMPLETED, sha256="content", completed_at=datetime.now(UTC)
            )
        except ContentTakenError:
            await transitions.transition(file, Status.FAILED)

    await asyncio.gather(*(complete(file) for file in files), usage_sums.fold_marked())
    await are_exact(owner)
    assert await repository.sum_by_status(owner) == {Status.COMPLETED: Sum(1, 1), Status.FAILED: Sum(9, 9)}
