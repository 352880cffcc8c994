"""`waybill orphans` removes objects that no record needs, and no others."""

import asyncio
import os

from tests.actors.conftest import Bucket, key_of, orphans
from tests.forking import run_command
from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import purged, put, stored

UNKNOWN = "files/000000000000000000000000/00000000000000000000000000000000"


async def test_an_object_without_a_record_is_found_and_deleted_only_when_told(
    jobs: Service, api: RestApi, bucket: Bucket
) -> None:
    remaining = await stored(api, os.urandom(10))
    pending = await api.request(name="a", size=1)
    await put(pending.data["upload"], b"x")
    await bucket.put(UNKNOWN, b"nobody's")
    await bucket.put("another-applications/object", b"not ours")
    keys = await bucket.keys()

    found = orphans(jobs, "--older-than", "0")
    assert found[UNKNOWN]["reason"] == "no_record"
    assert found[UNKNOWN]["size"] == len(b"nobody's")
    assert set(found) == {UNKNOWN}
    assert await bucket.keys() == keys

    assert orphans(jobs, "--older-than", "0", "--delete")[UNKNOWN]["deleted"] is True
    assert await bucket.keys() == keys - {UNKNOWN}
    assert (await api.get(remaining["id"])).data == remaining


async def test_a_database_without_files_deletes_nothing(jobs: Service, bucket: Bucket) -> None:
    await bucket.put(UNKNOWN, b"nobody's")
    elsewhere = {**jobs.env, "WAYBILL_MONGODB_DATABASE": "no-files-here"}
    refused = await asyncio.to_thread(run_command, "orphans", "--older-than", "0", "--delete", env=elsewhere)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no-files-here has no files" in refused.stderr
    assert UNKNOWN in await bucket.keys()
    await bucket.delete(UNKNOWN)


async def test_young_objects_are_left_alone(jobs: Service, bucket: Bucket) -> None:
    await bucket.put(UNKNOWN, b"nobody's")
    assert orphans(jobs) == {}
    await bucket.delete(UNKNOWN)


async def test_a_key_that_its_record_does_not_name_is_an_orphan(
    jobs: Service, api: RestApi, bucket: Bucket
) -> None:
    requested = await api.request(name="a", size=1)
    key = key_of(requested.data["upload"])
    other = key[:-1] + ("0" if key[-1] != "0" else "1")
    await bucket.put(other, b"x")
    assert set(orphans(jobs, "--older-than", "0", "--delete")) == {other}


async def test_the_object_of_a_content_that_has_changed_hands_is_none(
    jobs: Service, api: RestApi, bucket: Bucket
) -> None:
    content = os.urandom(10)
    first, second = [await stored(api, content, name=name) for name in "ab"]
    await api.delete(first["id"])
    await purged(api, first["id"])
    assert (await api.get(second["id"])).data["status"] == "COMPLETED"
    assert orphans(jobs, "--older-than", "0", "--delete") == {}
    assert [key for key in await bucket.keys() if first["id"] in key]


async def test_what_will_be_swept_anyway_is_no_orphan(jobs: Service, api: RestApi, bucket: Bucket) -> None:
    requested = await api.request(name="a", size=1)
    await api.delete(requested.id)
    await purged(api, requested.id)
    assert (await put(requested.data["upload"], b"x")).status_code == 200
    assert orphans(jobs, "--older-than", "0") == {}
