"""Names that an older release has left, as the walk takes them over."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.actors.conftest import Bucket, open_bucket
from tests.service import Service
from tests.waybill.conftest import insert_file, reload
from waybill import indexes
from waybill.files import handover
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.purge import purge_objects
from waybill.files.usage import walk
from waybill.resources import Resources

NOW = datetime.now(UTC)
SHA256 = "0" * 64
HOLDER = {"status": Status.COMPLETED, "sha256": SHA256}


@pytest.fixture(autouse=True)
def _database(resources: Resources) -> None:
    """Have the documents on a database."""


@pytest.fixture
async def bucket(stopped_service: Service) -> AsyncIterator[Bucket]:
    async for opened in open_bucket(stopped_service):
        yield opened


async def left(owner: str, original: File, **fields: Any) -> File:
    """A DUPLICATE as an older release leaves it: its object is purged."""
    name = {"status": Status.DUPLICATE, "sha256": SHA256, "duplicate_of": original.id, "etag": "e"}
    gone = {"purge_at": NOW, "purge_began_at": NOW, "purged_at": NOW}
    return await insert_file(owner, **{**name, **gone, **fields})


async def walk_through() -> None:
    await indexes.create_indexes()
    while await walk.walk_on(has_quota=False):
        pass


async def test_a_name_whose_content_is_held_becomes_a_full_file(owner: str) -> None:
    holder = await insert_file(owner, **HOLDER)
    name = await left(owner, holder)
    await walk_through()
    renewed = await reload(name)
    assert (renewed.status, renewed.duplicate_of) == (Status.DUPLICATE, holder.id)
    assert (renewed.purged_at, renewed.purge_began_at, renewed.etag) == (None, None, None)
    # The holder knows now that it has another name.
    assert await handover.delete(await reload(holder), {"deleted_at": None}, deleted_at=NOW) is not None
    assert (await reload(name)).status is Status.COMPLETED


async def test_a_holder_knows_of_a_name_whose_own_object_the_older_release_had_not_removed(
    owner: str,
) -> None:
    holder = await insert_file(owner, **HOLDER)
    name = await left(owner, holder, purge_began_at=None, purged_at=None)
    await walk_through()
    assert await handover.delete(await reload(holder), {"deleted_at": None}, deleted_at=NOW) is not None
    assert (await reload(name)).status is Status.COMPLETED


async def test_a_purge_before_the_walk_leaves_the_object_to_a_name(
    resources: Resources, bucket: Bucket, owner: str
) -> None:
    then = NOW - timedelta(hours=1)
    original = await insert_file(owner, **HOLDER, deleted_at=then, purge_at=then, due_at=then)
    name = await left(owner, original)
    alone = await insert_file(
        owner, status=Status.COMPLETED, sha256="1" * 64, deleted_at=then, purge_at=then, due_at=then
    )
    for file in (original, alone):
        await bucket.put(file.object_key, b"hello")
    await purge_objects(resources, [original.file_id, alone.file_id])
    heir = await reload(name)
    assert (heir.status, heir.object_key) == (Status.COMPLETED, original.object_key)
    keys = await bucket.keys()
    assert (original.object_key in keys, alone.object_key in keys) == (True, False)


async def test_a_name_leads_to_the_file_that_has_its_content_now(owner: str) -> None:
    original = await insert_file(owner, **HOLDER, deleted_at=NOW, purge_began_at=NOW, purge_at=NOW)
    name = await left(owner, original)
    holder = await insert_file(owner, **HOLDER)
    await walk_through()
    assert (await reload(name)).duplicate_of == holder.id


async def test_a_name_takes_the_object_of_an_original_that_is_in_the_trash(owner: str) -> None:
    then = NOW + timedelta(hours=1)
    original = await insert_file(owner, **HOLDER, object_key="the-object", deleted_at=NOW, purge_at=then)
    names = [await left(owner, original) for _ in range(2)]
    await walk_through()
    oldest, other = [await reload(name) for name in names]
    assert (oldest.status, oldest.object_key, oldest.purged_at) == (Status.COMPLETED, "the-object", None)
    assert (other.status, other.duplicate_of, other.purged_at) == (Status.DUPLICATE, oldest.id, None)
    gone = await reload(original)
    assert (gone.status, gone.object_key) == (Status.DUPLICATE, names[0].object_key)
    assert gone.purge_at is not None


async def test_a_name_whose_content_is_gone_is_verified_again(owner: str) -> None:
    original = await insert_file(owner, **HOLDER, deleted_at=NOW, purge_began_at=NOW, purged_at=NOW)
    name = await left(owner, original)
    await walk_through()
    renewed = await reload(name)
    assert (renewed.status, renewed.duplicate_of, renewed.purged_at) == (Status.PROCESSING, None, None)
    assert renewed.due_at is not None


async def test_names_of_this_release_stay_as_they_are(owner: str) -> None:
    holder = await insert_file(owner, **HOLDER, duplicated_at=NOW)
    spare = {"purge_began_at": None, "purged_at": None, "due_at": NOW}
    names = [await left(owner, holder, **spare), await left(owner, holder, **spare, purge_at=None, etag=None)]
    deleted = await left(owner, holder, deleted_at=NOW)
    before = [{**vars(name), "unsummed": None, "summed": None} for name in (*names, deleted)]
    await walk_through()
    after = [await reload(name) for name in (*names, deleted)]
    assert [{**vars(name), "unsummed": None, "summed": None} for name in after] == before
