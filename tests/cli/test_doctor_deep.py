"""`waybill doctor --deep` names what the bucket and the database do not have in common."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pymongo
import pytest
from bson import ObjectId

from stack.stack import Stack
from tests.forking import run_command
from tests.parity.apis import RestApi
from tests.service import Service, running_service
from tests.uploads import stored
from waybill.files import all_files
from waybill.platform.s3.storage import open_session

CONTENT = b"once and again"


@pytest.fixture(scope="module")
def compared_service(stack: Stack) -> Iterator[Service]:
    """A Waybill with a trash, whose database and bucket a test may harm."""
    with running_service(stack, purge_delay="3600") as service:
        yield service


def examined(service: Service) -> tuple[int, list[dict[str, Any]], str]:
    """The exit code, what was named, and the last line."""
    result = run_command("doctor", "--deep", env=service.env)
    assert "Traceback" not in result.stderr, result.stderr
    *lines, last = result.stdout.splitlines()
    named = [line.removeprefix("FAIL  ").split(": ", 1) for line in lines if line.startswith("FAIL")]
    return result.returncode, [{"difference": kind, **json.loads(facts)} for kind, facts in named], last


@asynccontextmanager
async def opened(service: Service) -> AsyncIterator[tuple[Any, dict[str, str]]]:
    """The store's client, and the object keys by the names of their files."""
    settings = service.settings
    session = open_session(
        settings.s3_access_key, settings.s3_secret_key.get_secret_value(), settings.s3_region
    )
    with pymongo.MongoClient[dict[str, Any]](settings.mongodb_url.get_secret_value()) as client:
        found = client[settings.mongodb_database]["files"].find()
        keys = {file["name"]: file["object_key"] for file in found}
    async with session.client("s3", endpoint_url=settings.s3_endpoint_url) as s3:
        yield s3, keys


async def test_exactly_what_was_harmed_is_named(compared_service: Service) -> None:
    async with compared_service.client("alice") as client:
        api = RestApi(client)
        for name in ("fine", "gone", "shorter", "other", "forgotten", "trashed", "gone-from-the-trash"):
            await stored(api, os.urandom(1000), name=name)
        await stored(api, CONTENT, name="first")
        await stored(api, CONTENT, name="duplicate")
        await api.request(name="requested", size=1)
        ids = {file["name"]: file["id"] for file in (await api.list(limit=100)).data["items"]}
        for name in ("trashed", "gone-from-the-trash", "first"):
            await api.delete(ids[name])
        # Its object's key has the id of the first.
        assert (await api.get(ids["duplicate"])).data["status"] == "COMPLETED"
    code, named, last = examined(compared_service)
    assert (code, named) == (0, [])
    assert last.startswith("ok    records and bucket agree: 8 files against")

    bucket = compared_service.settings.s3_bucket
    async with opened(compared_service) as (s3, keys):
        await s3.delete_object(Bucket=bucket, Key=keys["gone"])
        await s3.delete_object(Bucket=bucket, Key=keys["gone-from-the-trash"])
        await s3.put_object(Bucket=bucket, Key=keys["shorter"], Body=b"short")
        await s3.put_object(Bucket=bucket, Key=keys["other"], Body=os.urandom(1000))
        beside = f"files/{ids['fine']}/{'0' * 32}"
        await s3.put_object(Bucket=bucket, Key=beside, Body=b"beside")
        await s3.put_object(Bucket=bucket, Key="files/not-of-ours", Body=b"passed over")
    with pymongo.MongoClient[dict[str, Any]](
        compared_service.settings.mongodb_url.get_secret_value()
    ) as client:
        files = client[compared_service.settings.mongodb_database]["files"]
        files.delete_one({"_id": ObjectId(ids["forgotten"])})
        before = list(files.find().sort("_id", 1))
        code, named, last = examined(compared_service)
        assert code == 1
        assert {(each["difference"], each["key"]) for each in named} == {
            ("missing", keys["gone"]),
            ("missing", keys["gone-from-the-trash"]),
            ("size", keys["shorter"]),
            ("etag", keys["other"]),
            ("no_record", keys["forgotten"]),
            ("no_record", beside),
        }
        assert len(named) == 6
        [gone] = [each for each in named if each["key"] == keys["gone"]]
        assert (gone["file_id"], gone["owner"], gone["name"]) == (ids["gone"], "alice", "gone")
        assert last.endswith("6 mismatches")
        # Nothing was changed.
        assert list(files.find().sort("_id", 1)) == before


async def test_more_files_than_a_batch_are_compared(compared_service: Service, owner: str) -> None:
    """The database and the bucket are read in pages, which end at different places."""
    settings = compared_service.settings
    count = 2 * all_files.BATCH_FILES + 500
    ids = [ObjectId() for _ in range(count)]
    with pymongo.MongoClient[dict[str, Any]](settings.mongodb_url.get_secret_value()) as client:
        client[settings.mongodb_database]["files"].insert_many(
            {
                "_id": file_id,
                "owner": owner,
                "name": f"{number}",
                "size": 1,
                "content_type": "a/b",
                "object_key": f"files/{file_id}/{number:032x}",
                "created_at": file_id.generation_time,
                "upload_expires_at": file_id.generation_time,
                # Every third has no bytes, and needs none.
                "status": "FAILED" if number % 3 else "COMPLETED",
                "sha256": f"{number:064x}",
            }
            for number, file_id in enumerate(ids)
        )
    async with opened(compared_service) as (s3, keys):
        mine = list(range(0, count, 3))
        lost = {mine[0], mine[300], mine[-1]}
        for number in mine:
            if number not in lost:
                await s3.put_object(Bucket=settings.s3_bucket, Key=keys[str(number)], Body=b"x")
    code, named, _ = examined(compared_service)
    assert code == 1
    found = {each["name"] for each in named if each.get("owner") == owner}
    assert found == {str(number) for number in lost}
