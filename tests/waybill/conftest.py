"""Fixtures of tests that call use-cases themselves: a Waybill whose processes are stopped."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
import pytest
from dramatiq.brokers.redis import RedisBroker

from stack.stack import Stack
from tests.service import Service, running_service
from waybill.files import due, repository
from waybill.files.model import File
from waybill.files.operations.model import Operation
from waybill.files.repository import document_of
from waybill.files.usage.laps import Lap
from waybill.files.usage.sums import StoredSum
from waybill.platform.mongo.lease import Lease
from waybill.resources import Resources, open_resources, redis_client
from waybill.webhooks.model import Delivery, Webhook

DAY = timedelta(days=1)

#: Documents in one insert.
BATCH = 500


@pytest.fixture(scope="session")
def stopped_service(stack: Stack) -> Iterator[Service]:
    """A Waybill whose worker and API have stopped."""
    with running_service(stack) as service:
        service.worker.stop()
        service.api.stop()
        yield service


@pytest.fixture
def broker(stopped_service: Service) -> Iterator[RedisBroker]:
    """The queues of ``stopped_service``, empty."""
    with closing(redis_client(stopped_service.settings)) as client:
        client.flushdb()
        yield RedisBroker(client=client, middleware=[])


@pytest.fixture
async def resources(stopped_service: Service, broker: RedisBroker) -> AsyncIterator[Resources]:
    """The resources for use-cases, on ``stopped_service`` without any files."""
    async with open_resources(stopped_service.settings, broker) as opened:
        # By a client without the limits of ours: a busy machine needs longer for the thousands of some tests.
        with pymongo.MongoClient[Any](stopped_service.settings.mongodb_url.get_secret_value()) as client:
            for document in (File, Operation, Webhook, Delivery, Lease, StoredSum, Lap):
                collection = document.get_motor_collection()
                client[collection.database.name][collection.name].delete_many({})
        yield opened


def new_file(owner: str, **fields: Any) -> File:
    """Return a file of yesterday that is not stored yet."""
    then = datetime.now(UTC) - DAY
    file_id = repository.new_id()
    return File(
        **{
            "id": file_id,
            "owner": owner,
            "name": "a",
            "size": 1,
            "content_type": "a/b",
            "object_key": f"files/{file_id}",
            "created_at": then,
            "upload_expires_at": then,
        }
        | fields
    )


async def insert_file(owner: str, **fields: Any) -> File:
    """Insert a file of yesterday, and return it."""
    file = new_file(owner, **fields)
    await repository.insert(file)
    return await reload(file)


async def insert_files(files: Iterable[File]) -> None:
    """Store many files at once."""
    await insert_batches(File.get_motor_collection(), [document_of(file) for file in files])


async def insert_batches(collection: Any, documents: Sequence[Mapping[str, Any]]) -> None:
    """Insert many documents. All at once would take a busy machine longer than an operation may."""
    for first in range(0, len(documents), BATCH):
        await collection.insert_many(documents[first : first + BATCH])


async def reload(file: File) -> File:
    """Return the current state of a file."""
    return await repository.find(file.file_id)


def run_after_find(monkeypatch: pytest.MonkeyPatch, find: str, meanwhile: Callable[[], Any]) -> None:
    """Call ``meanwhile`` after a sweeper has found files and before it changes them."""
    found = getattr(due, find)

    async def find_and_be_late() -> AsyncIterator[Any]:
        async for files in found():
            await meanwhile()
            yield files

    monkeypatch.setattr(due, find, find_and_be_late)


def set_batch_size(monkeypatch: pytest.MonkeyPatch, find: str, files: int) -> None:
    """Let a sweeper find that many files at a time."""
    found = getattr(due, find)
    monkeypatch.setattr(due, find, lambda: found(files))
