"""What the tests of jobs reach behind the API's back: the bucket, the database, the worker's process."""

import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pymongo
import pytest
from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient

from stack.stack import Stack
from tests.events import HOOK_SECRET
from tests.forking import run_command
from tests.parity.apis import RestApi
from tests.service import Service, running_service
from tests.waiting import until
from waybill.platform.s3.storage import open_session

#: Makes time pass for the file with this id.
Age = Callable[..., Awaitable[None]]


class Bucket:
    """The service's bucket, with all rights."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name

    async def put(self, key: str, content: bytes) -> None:
        await self.client.put_object(Bucket=self.name, Key=key, Body=content)

    async def delete(self, key: str) -> None:
        await self.client.delete_object(Bucket=self.name, Key=key)

    async def keys(self) -> set[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {item["Key"] async for page in pages for item in page.get("Contents", [])}


def key_of(upload: dict[str, str]) -> str:
    """Return the object's key, which only the URL contains."""
    return urlsplit(upload["url"]).path.split("/", 2)[2]


def orphans(service: Service, *options: str) -> dict[str, Any]:
    """What `waybill orphans` prints, by key."""
    done = run_command("orphans", *options, env=service.env)
    assert done.returncode == 0, done.stderr
    return {line["key"]: line for line in map(json.loads, done.stdout.splitlines())}


async def verdicts(service: Service, file_id: str) -> list[dict[str, Any]]:
    """What the worker has logged of a verified file, once it has: it does so after the status was written."""

    def logged() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in service.worker.log.read_text().splitlines() if file_id in line]
        return [line for line in lines if line["event"] == "verified"]

    return await until(logged, f"{file_id} is logged as verified", 10)


@contextmanager
def suspended(service: Service) -> Iterator[None]:
    """The worker stands still meanwhile."""
    os.kill(service.worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(service.worker.pid, signal.SIGCONT)


@pytest.fixture(scope="package")
def jobs(stack: Stack) -> Iterator[Service]:
    """A Waybill whose worker may be suspended and whose queues may be emptied, and which takes events."""
    with running_service(stack, s3_hook_secret=HOOK_SECRET) as running:
        yield running


@pytest.fixture
async def api(jobs: Service, owner: str) -> AsyncIterator[RestApi]:
    """The REST API in the name of this test's owner."""
    async with jobs.client(owner) as client:
        yield RestApi(client)


async def open_bucket(service: Service) -> AsyncIterator[Bucket]:
    settings = service.settings
    session = open_session(
        settings.s3_access_key, settings.s3_secret_key.get_secret_value(), settings.s3_region
    )
    async with session.client("s3", endpoint_url=settings.s3_endpoint_url) as client:
        yield Bucket(client, settings.s3_bucket)


async def multipart_uploads(service: Service, file_id: str) -> list[dict[str, str]]:
    """The unfinished multipart uploads of a file. MinIO lists them for a whole key only, as in the record."""
    settings = service.settings
    with pymongo.MongoClient[Any](settings.mongodb_url.get_secret_value()) as client:
        record = client[settings.mongodb_database]["files"].find_one({"_id": ObjectId(file_id)})
    assert record is not None
    async for bucket in open_bucket(service):
        answer = await bucket.client.list_multipart_uploads(Bucket=bucket.name, Prefix=record["object_key"])
    uploads: list[dict[str, str]] = answer.get("Uploads", [])
    return uploads


@pytest.fixture
async def bucket(jobs: Service) -> AsyncIterator[Bucket]:
    """The bucket of ``jobs``."""
    async for opened in open_bucket(jobs):
        yield opened


@pytest.fixture
async def age(jobs: Service) -> AsyncIterator[Age]:
    """Makes time pass for one file: what it is due for becomes due now."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        jobs.settings.mongodb_url.get_secret_value()
    )
    files = client[jobs.settings.mongodb_database]["files"]

    async def make_older(file_id: str, field: str = "due_at") -> None:
        past = datetime(2000, 1, 1, tzinfo=UTC)
        changed = await files.update_one(
            {"_id": ObjectId(file_id), field: {"$exists": True}}, {"$set": {field: past}}
        )
        assert changed.matched_count == 1

    yield make_older
    client.close()
