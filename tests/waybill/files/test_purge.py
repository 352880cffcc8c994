"""Purges of many files at once: what else happens to them meanwhile, and what the store may refuse."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.actors.conftest import Bucket, open_bucket
from tests.relay import Relay, relay
from tests.service import Service
from tests.waybill.conftest import DAY, insert_file, reload
from waybill.files import due as file_due
from waybill.files import repository, transitions
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.purge import purge_objects
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import connection
from waybill.platform.s3.deletion import RemovalRefusedError
from waybill.platform.s3.multiparts import Multiparts
from waybill.platform.s3.storage import Storage, open_storage
from waybill.resources import Resources

HOUR = timedelta(hours=1)


@pytest.fixture
async def bucket(stopped_service: Service) -> AsyncIterator[Bucket]:
    async for opened in open_bucket(stopped_service):
        yield opened


@pytest.fixture
def wire(stopped_service: Service) -> Iterator[Relay]:
    with relay(stopped_service.settings.s3_endpoint_url) as running:
        yield running


@pytest.fixture
async def wired(stopped_service: Service, resources: Resources, wire: Relay) -> AsyncIterator[Resources]:
    """Resources whose store is at the other end of a wire."""
    settings = stopped_service.settings.model_copy(update={"s3_endpoint_url": wire.address})
    async with open_storage(settings) as storage:
        yield replace(resources, storage=storage)


async def deleted(owner: str, **fields: Any) -> File:
    """A file of long ago whose purge is due, and which another job holds for a while."""
    then = datetime.now(UTC) - 9 * DAY
    fields = {"deleted_at": then, "purge_at": then, "upload_expires_at": then} | fields
    return await insert_file(owner, due_at=datetime.now(UTC) + HOUR, **fields)


async def restored(file: File) -> File | None:
    return await transitions.restore(file, None, due_at=None)


def ids(*files: File) -> list[str]:
    return [file.file_id for file in files]


async def is_purged(file: File) -> bool:
    file = await reload(file)
    assert (file.purged_at is None) == (file.due_at is not None)
    return file.purged_at is not None


async def test_of_many_files_those_are_purged_that_are_to_be(
    resources: Resources, bucket: Bucket, owner: str
) -> None:
    due = [await deleted(owner) for _ in range(5)]
    later = await deleted(owner, purge_at=datetime.now(UTC) + DAY)
    alive = await insert_file(owner, status=Status.COMPLETED, sha256=owner)
    for file in (*due[1:], later, alive):
        await bucket.put(file.object_key, b"hello")
    named = [*ids(*due, later, alive), "no-id", str(repository.new_id())]
    await purge_objects(resources, named)
    assert [await is_purged(file) for file in (*due, later)] == [True] * 5 + [False]
    assert await reload(alive) == alive
    mine = {key for key in await bucket.keys() if key in {f.object_key for f in (*due, later, alive)}}
    assert mine == {later.object_key, alive.object_key}
    # A message that comes twice.
    before = [await reload(file) for file in due]
    await purge_objects(resources, named)
    assert [await reload(file) for file in due] == before


async def test_parts_are_aborted_beside_whole_objects(
    resources: Resources, bucket: Bucket, owner: str
) -> None:
    whole, parts = await deleted(owner), await deleted(owner, part_size=5)
    await bucket.put(whole.object_key, b"hello")
    await bucket.client.create_multipart_upload(Bucket=bucket.name, Key=parts.object_key)
    await purge_objects(resources, ids(whole, parts))
    assert await is_purged(whole)
    assert await is_purged(parts)
    uploads = await bucket.client.list_multipart_uploads(Bucket=bucket.name, Prefix=parts.object_key)
    assert "Uploads" not in uploads
    assert whole.object_key not in await bucket.keys()


async def test_a_file_is_restored_whole_or_purged_for_good(
    resources: Resources, bucket: Bucket, owner: str
) -> None:
    files = [await deleted(owner, status=Status.COMPLETED, sha256=f"{owner}{n}") for n in range(60)]
    for file in files:
        await bucket.put(file.object_key, b"hello")

    async def restore(file: File) -> bool:
        return await restored(file) is not None

    purges = [purge_objects(resources, ids(*files[start::4])) for start in range(4)]
    async with asyncio.TaskGroup() as group:
        back = [group.create_task(restore(file)) for file in files[:30]]
        for purge in purges:
            group.create_task(purge)
        back += [group.create_task(restore(file)) for file in files[30:]]
    keys = await bucket.keys()
    for file, restoration in zip(files, back, strict=True):
        assert (file.object_key in keys) == restoration.result()
        assert ((await reload(file)).purged_at is None) == restoration.result()


@pytest.mark.parametrize("step", [None, "find_fields", "abort_all", "delete_many", "conclusion"])
async def test_a_purge_that_dies_at_any_step_is_done_again(
    resources: Resources, bucket: Bucket, owner: str, step: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [await deleted(owner, part_size=5), await deleted(owner, status=Status.COMPLETED, sha256=owner)]
    for file in files:
        await bucket.put(file.object_key, b"hello")

    async def die(*_: Any, **__: Any) -> None:
        raise KilledError

    change_many = transitions.change_many

    async def die_in_the_end(*arguments: Any, **changes: Any) -> int:
        if "purged_at" in changes:
            raise KilledError
        return await change_many(*arguments, **changes)

    with monkeypatch.context() as patch:
        match step:
            case None:
                patch.setattr(transitions, "change_many", die)
            case "find_fields":
                patch.setattr(file_due, "find_fields", die)
            case "abort_all":
                patch.setattr(Multiparts, "abort_all", die)
            case "delete_many":
                patch.setattr(Storage, "delete_many", die)
            case "conclusion":
                patch.setattr(transitions, "change_many", die_in_the_end)
        with pytest.raises(KilledError):
            await purge_objects(resources, ids(*files))
    assert not await is_purged(files[0])
    # From the first change on there is no way back.
    assert (await restored(files[1]) is not None) == (step is None)
    if step is None:
        await transitions.change(files[1], {}, deleted_at=files[1].deleted_at, purge_at=files[1].purge_at)
        await transitions.change(files[1], {}, due_at=files[1].due_at)
    await purge_objects(resources, ids(*files))
    for file in files:
        assert await is_purged(file)
        assert file.object_key not in await bucket.keys()


class KilledError(BaseException):
    """Nothing catches it, as nothing does a kill."""


@pytest.mark.parametrize(
    ("code", "error"), [("AccessDenied", RemovalRefusedError), ("SlowDown", ServiceUnavailable)]
)
async def test_what_the_store_keeps_stays_due_and_the_others_are_purged(
    wired: Resources, wire: Relay, owner: str, code: str, error: type[Exception]
) -> None:
    files = [await deleted(owner) for _ in range(3)]
    wire.refused = {files[1].object_key: code, files[2].object_key: "NoSuchKey"}
    with pytest.raises(error):
        await purge_objects(wired, ids(*files))
    assert [await is_purged(file) for file in files] == [True, False, True]
    wire.refused = {}
    await purge_objects(wired, ids(*files))
    assert await is_purged(files[1])


@pytest.mark.parametrize(("refused_for", "delay"), [(0, 30), (600, 600), (DAY.total_seconds(), 3600)])
async def test_what_the_store_keeps_is_tried_at_growing_intervals(
    wired: Resources, wire: Relay, owner: str, refused_for: float, delay: float
) -> None:
    file = await deleted(owner, purge_began_at=datetime.now(UTC) - timedelta(seconds=refused_for))
    wire.refused = {file.object_key: "AccessDenied"}
    with pytest.raises(RemovalRefusedError):
        await purge_objects(wired, ids(file))
    due_at = (await reload(file)).due_at
    assert due_at is not None
    ahead = (due_at - await connection.database_time()).total_seconds()
    assert delay - 20 < ahead <= delay + 20


async def test_without_its_bucket_nothing_counts_as_purged(
    stopped_service: Service, resources: Resources, owner: str
) -> None:
    file = await deleted(owner)
    async with open_storage(
        stopped_service.settings.model_copy(update={"s3_bucket": "no-such-bucket"})
    ) as storage:
        with pytest.raises(ServiceUnavailable):
            await purge_objects(replace(resources, storage=storage), ids(file))
    assert not await is_purged(file)


async def test_a_defect_shows_beside_an_outage(wired: Resources, wire: Relay, owner: str) -> None:
    files = [await deleted(owner) for _ in range(3)]
    codes = ("SlowDown", "AccessDenied", "InternalError")
    wire.refused = {file.object_key: code for file, code in zip(files, codes, strict=True)}
    with pytest.raises(RemovalRefusedError):
        await purge_objects(wired, ids(*files))
    assert not any([await is_purged(file) for file in files])


async def test_a_store_that_removes_objects_one_by_one_will_do(
    wired: Resources, wire: Relay, owner: str
) -> None:
    files = [await deleted(owner) for _ in range(3)]
    wire.deletes_one_by_one = True
    await purge_objects(wired, ids(*files))
    for file in files:
        assert await is_purged(file)
        assert wire.methods(file.file_id) == {"DELETE"}


@pytest.mark.parametrize(
    ("dead_for", "next_look"),
    [
        (-HOUR, HOUR),
        (HOUR / 2, HOUR),
        (3 * HOUR / 2, 2 * HOUR),
        (31 * HOUR, 32 * HOUR),
        (33 * HOUR, None),
    ],
)
async def test_a_key_is_looked_at_again_until_nothing_can_fill_it(
    resources: Resources, owner: str, dead_for: timedelta, next_look: timedelta | None
) -> None:
    assert resources.settings.upload_grace == 3600
    file = await deleted(owner, upload_expires_at=datetime.now(UTC) - dead_for)
    due_at = file.upload_expires_at + next_look if next_look else None
    await purge_objects(resources, ids(file))
    first = await reload(file)
    assert first.purged_at is not None
    await purge_objects(resources, ids(file))
    second = await reload(file)
    assert (first.due_at, second.due_at, second.purged_at) == (due_at, due_at, first.purged_at)
