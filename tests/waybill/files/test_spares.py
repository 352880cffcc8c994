"""The object that a DUPLICATE was verified by goes only when the content has another."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.actors.conftest import Bucket, open_bucket
from tests.service import Service
from tests.waybill.conftest import insert_file, reload
from waybill.files import handover, transitions
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.purge import purge_objects
from waybill.files.restore import restore_file
from waybill.platform.principal import Principal
from waybill.resources import Resources

BEFORE = datetime.now(UTC) - timedelta(days=9)


@pytest.fixture
async def bucket(stopped_service: Service) -> AsyncIterator[Bucket]:
    async for opened in open_bucket(stopped_service):
        yield opened


async def put(resources: Resources, bucket: Bucket, owner: str, **fields: Any) -> File:
    """A verified file of five bytes, with its object."""
    file = await insert_file(owner, size=5, sha256="0" * 64, upload_expires_at=BEFORE, **fields)
    await bucket.put(file.object_key, b"hello")
    head = await resources.storage.head(file.object_key)
    assert head is not None
    changed = await transitions.change(file, {}, etag=head.etag)
    assert changed is not None
    return changed


async def pair(resources: Resources, bucket: Bucket, owner: str) -> tuple[File, File]:
    """A content, and a second name with an object of its own that is to go."""
    holder = await put(resources, bucket, owner, status=Status.COMPLETED)
    due = {"purge_at": BEFORE, "due_at": BEFORE}
    name = await put(resources, bucket, owner, status=Status.DUPLICATE, duplicate_of=holder.id, **due)
    return holder, name


async def look(resources: Resources, file: File) -> File:
    """Look at a spare now, whenever it is due."""
    await transitions.change(file, {"purge_at": {"$exists": True}}, purge_at=BEFORE, due_at=BEFORE)
    await purge_objects(resources, [file.file_id])
    return await reload(file)


async def test_a_spare_goes_after_two_looks_at_the_contents_object(
    resources: Resources, bucket: Bucket, owner: str
) -> None:
    holder, name = await pair(resources, bucket, owner)
    assert (await look(resources, name)).looks == 1
    assert name.object_key in await bucket.keys()
    freed = await look(resources, name)
    assert (freed.status, freed.purged_at, freed.due_at, freed.etag) == (Status.DUPLICATE, None, None, None)
    keys = await bucket.keys()
    assert name.object_key not in keys
    assert holder.object_key in keys


async def test_a_spare_takes_the_place_of_an_object_that_several_looks_miss(
    resources: Resources, bucket: Bucket, owner: str
) -> None:
    holder, name = await pair(resources, bucket, owner)
    await look(resources, name)
    await bucket.delete(holder.object_key)
    for _ in range(2):
        assert (await look(resources, name)).object_key == name.object_key
    await look(resources, name)
    holder_now, name_now = await reload(holder), await reload(name)
    assert (holder_now.object_key, holder_now.etag) == (name.object_key, name.etag)
    assert (name_now.object_key, name_now.status) == (holder.object_key, Status.DUPLICATE)
    for _ in range(2):
        await look(resources, name)
    assert name.object_key in await bucket.keys()


async def test_a_look_that_finds_the_object_again_begins_anew(
    resources: Resources, bucket: Bucket, owner: str
) -> None:
    holder, name = await pair(resources, bucket, owner)
    await bucket.delete(holder.object_key)
    for _ in range(2):
        await look(resources, name)
    await bucket.put(holder.object_key, b"hello")
    assert (await look(resources, name)).looks == 1
    await look(resources, name)
    assert name.object_key not in await bucket.keys()


async def test_a_spare_of_a_content_that_has_changed_hands_goes_too(
    resources: Resources, bucket: Bucket, owner: str
) -> None:
    holder, name = await pair(resources, bucket, owner)
    await transitions.change(holder, {}, duplicated_at=BEFORE)
    gone = {"deleted_at": BEFORE, "purge_at": BEFORE, "due_at": BEFORE}
    await handover.delete(await reload(holder), {"deleted_at": None}, **gone)
    await purge_objects(resources, [name.file_id, holder.file_id])
    keys = await bucket.keys()
    assert holder.object_key in keys
    assert name.object_key not in keys
    assert (await reload(name)).object_key == holder.object_key
    assert (await reload(holder)).purged_at is not None


async def test_a_restored_name_whose_upload_url_is_still_valid_is_swept_again(
    resources: Resources, bucket: Bucket, owner: str
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    holder = await insert_file(owner, status=Status.COMPLETED, sha256="0" * 64)
    name = {"status": Status.DUPLICATE, "sha256": "0" * 64, "duplicate_of": holder.id}
    file = await insert_file(
        owner, **name, deleted_at=BEFORE, purge_at=later, due_at=later, upload_expires_at=later
    )
    await restore_file(resources, Principal(owner), file.file_id)
    # Its own object was removed before the deletion, and a client sends it once more.
    await bucket.put(file.object_key, b"hello")
    await purge_objects(resources, [file.file_id])
    assert file.object_key not in await bucket.keys()
    assert (await reload(file)).due_at is not None
