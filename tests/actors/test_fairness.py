"""One owner's backlog, beside another owner and after a flush of Redis."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from bench.files import pending
from bench.floors.pipeline import Bare, bare
from stack.stack import Stack
from tests.service import Service, running_service, start_worker
from waybill.platform.redis.messages import QUEUES, RECONCILE
from waybill.resources import redis_client

BATCH = 100


@pytest.fixture
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill without a worker, whose sweepers run when a test says so."""
    with running_service(stack, sweep_interval="3600") as running:
        running.worker.stop()
        yield running


async def stored(servers: Bare, owner: str, files: int) -> list[Any]:
    """Store so many PENDING files whose objects are there, no two alike; their ids."""
    documents = [pending(owner, size=8) for _ in range(files)]
    left = iter(enumerate(documents))

    async def put() -> None:
        for number, document in left:
            body = f"{number:08d}".encode()
            await servers.s3.put_object(Bucket=servers.bucket, Key=document["object_key"], Body=body)

    await servers.files.insert_many(documents)
    await asyncio.gather(*(put() for _ in range(8)))
    return [document["_id"] for document in documents]


async def complete(service: Service, owner: str, ids: Sequence[Any]) -> None:
    async with service.client(owner) as client:
        for start in range(0, len(ids), BATCH):
            batch = [str(file_id) for file_id in ids[start : start + BATCH]]
            answer = await client.post("/api/v1/files/batch/complete", json={"ids": batch})
            assert {each["file"]["status"] for each in answer.json()["results"]} == {"PROCESSING"}


async def all_final(servers: Bare, files: int) -> None:
    deadline = time.monotonic() + 60
    while (counted := await servers.files.count_documents({"status": "COMPLETED"})) < files:
        assert time.monotonic() < deadline, f"{counted} of {files} files are final"
        await asyncio.sleep(0.1)


async def test_an_owner_with_few_files_passes_one_with_many(service: Service, owner: str) -> None:
    async with bare(dict(service.env)) as servers:
        many, few = await stored(servers, f"{owner}-many", 300), await stored(servers, f"{owner}-few", 5)
        await complete(service, f"{owner}-many", many)
        await complete(service, f"{owner}-few", few)
        start_worker(service, "--threads", "2")
        await all_final(servers, 305)
        order = [file["_id"] async for file in servers.files.find({}, {"_id": 1}).sort("completed_at", 1)]
    assert max(map(order.index, few)) < 150


async def test_one_run_of_the_reconciler_sets_a_long_backlog_going(service: Service, owner: str) -> None:
    async with bare(dict(service.env)) as servers:
        await complete(service, owner, await stored(servers, owner, 600))
        # Older releases wait for half a minute before they look again.
        await servers.files.update_many({}, [{"$set": {"due_at": {"$subtract": ["$$NOW", 1000]}}}])
        with redis_client(service.settings) as client:
            client.flushdb()
            RedisBroker(client=client, middleware=[]).enqueue(
                Message(QUEUES[RECONCILE], RECONCILE, (), {}, {})
            )
        start_worker(service, "--threads", "2")
        await all_final(servers, 600)
