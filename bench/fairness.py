"""Whether one owner's backlog delays another, and how fast verification goes on after Redis was emptied."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx

from bench.files import pending
from bench.floors.pipeline import Bare, bare
from bench.measure import Goal, Row, at_least, at_most
from stack.stack import Stack
from tests.service import Service, running_service, start_worker
from waybill.files.lifecycle import Status
from waybill.files.verification_queue import VerificationQueue
from waybill.platform.redis.client import open_redis
from waybill.resources import redis_client

#: Files that wait, bytes of each, and files of the owner who comes second.
WAITING = 20_000
SIZE = 4096
SECOND = 100

#: Owners of the second backlog; together they have as many files.
OWNERS = 5_000

#: Seconds over which a rate is measured, and until another owner's files are given up.
WINDOW = 15
TIMEOUT_SECONDS = 60

#: Files to a call of complete.
BATCH = 100

#: Verifications after which the workers are at work.
WARM = 500

#: The key and the ETag of an object.
Object = tuple[str, str]

_round = count()


def fairness(stack: Stack) -> Iterator[Row]:
    """Two workers on 20,000 files: of one owner, then of 5,000."""
    with running_service(stack, sweep_interval="5") as service, asyncio.Runner() as runner:
        service.worker.stop()
        start_worker(service).stop()
        objects = runner.run(_put_objects(service))
        alone, beside, before, flushed, seconds = runner.run(_one_owner(service, objects))
        what = f"{WAITING:,} waiting of one owner"
        yield _row(f"{what}: another's {SECOND} are final", "goal", "s", (seconds, 10), at_most(1))
        yield _row(f"{what}: with another's {SECOND}", "alone", "files/s", (beside, alone), at_least(0.9))
        yield _row(f"{what}: from FLUSHALL on", "before", "files/s", (flushed, before), at_least(0.9))
        before, after = runner.run(_many_owners(service, objects))
        what = f"{WAITING:,} waiting of {OWNERS:,} owners"
        yield _row(f"{what}: from FLUSHALL on", "before", "files/s", (after, before), at_least(0.9))


def _row(what: str, against: str, unit: str, figures: tuple[float, float], goal: Goal) -> Row:
    ours, theirs = figures
    ratio = ours / theirs
    return Row(what, against, unit, ours, theirs, ratio, (ratio, ratio), goal)


async def _one_owner(service: Service, objects: Sequence[Object]) -> tuple[float, ...]:
    async with _waiting(service, objects, owners=1) as servers:
        alone = await _rate(servers)
        second = f"second-{next(_round)}"
        ids = await _insert(servers, [(second, each) for each in objects[WAITING:]])
        began = time.monotonic()
        # From the moment that the other's files are completed; the first are final before the last are sent.
        completing = asyncio.create_task(_complete(service, second, ids))
        beside = asyncio.create_task(_rate(servers))
        seconds = await _seconds_until_final(servers, second, began)
        await completing
        measured = await beside
        # Once more: the rate of verifications drifts as the collection grows.
        before = await _rate(servers)
        with redis_client(service.settings) as redis:
            redis.flushdb()
        return alone, measured, before, await _rate(servers), seconds


async def _many_owners(service: Service, objects: Sequence[Object]) -> tuple[float, float]:
    async with _waiting(service, objects, owners=OWNERS) as servers:
        before = await _rate(servers)
        with redis_client(service.settings) as redis:
            redis.flushdb()
        return before, await _rate(servers)


@asynccontextmanager
async def _waiting(service: Service, objects: Sequence[Object], owners: int) -> AsyncIterator[Bare]:
    """Have 20,000 files wait, as complete leaves them, then start two workers, until these are at work."""
    number = next(_round)
    async with bare(dict(service.env)) as servers:
        await servers.files.delete_many({})
        with redis_client(service.settings) as redis:
            redis.flushdb()
        names = [f"owner-{number}-{index % owners}" for index in range(WAITING)]
        ids = await _insert(servers, list(zip(names, objects, strict=False)), status=Status.PROCESSING.value)
        await send(service, list(zip(names, ids, strict=True)))
        workers = [service.worker, *service.further]
        for worker in workers:
            worker.restart()
        while await _final(servers) < WARM:
            await asyncio.sleep(0.1)
        yield servers
        for worker in workers:
            worker.stop()


async def send(service: Service, files: Sequence[tuple[str, str]]) -> None:
    """Send the verifications of files, by owner and id, as complete does."""
    async with open_redis(service.settings.redis_url.get_secret_value()) as redis:
        queue = VerificationQueue(redis, "dramatiq")
        for owner, file_id in files:
            await queue.send(owner, file_id)


async def _rate(servers: Bare) -> float:
    """Verifications in a second, from now on."""
    before, began = await _final(servers), time.monotonic()
    await asyncio.sleep(WINDOW)
    return (await _final(servers) - before) / (time.monotonic() - began)


async def _final(servers: Bare) -> int:
    found: int = await servers.files.count_documents({"completed_at": {"$exists": True}})
    return found


async def _seconds_until_final(servers: Bare, owner: str, began: float) -> float:
    query = {"owner": owner, "deleted_at": None, "status": Status.COMPLETED.value}
    while await servers.files.count_documents(query, hint="newest_by_status") < SECOND:
        if time.monotonic() - began > TIMEOUT_SECONDS:
            return float("inf")
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def _complete(service: Service, owner: str, ids: Sequence[str]) -> None:
    async with httpx.AsyncClient(
        base_url=service.address, headers={"Authorization": f"Bearer {service.token(owner)}"}, timeout=60
    ) as client:
        for start in range(0, len(ids), BATCH):
            answer = await client.post(
                "/api/v1/files/batch/complete", json={"ids": ids[start : start + BATCH]}
            )
            answer.raise_for_status()


async def _insert(servers: Bare, files: Sequence[tuple[str, Object]], **fields: Any) -> list[str]:
    if fields:
        fields["due_at"] = datetime.now(UTC)
    documents = [
        pending(owner, size=SIZE, object_key=key, etag=etag, **fields) for owner, (key, etag) in files
    ]
    await servers.files.insert_many(documents)
    return [str(document["_id"]) for document in documents]


async def _put_objects(service: Service) -> list[Object]:
    """Store as many objects as files are verified at once, no two alike."""
    objects: list[Object] = []
    left = iter(range(WAITING + SECOND))
    async with bare(dict(service.env)) as servers:

        async def put() -> None:
            for number in left:
                key, body = f"files/{number}", f"{number:0{SIZE}d}".encode()
                answer = await servers.s3.put_object(Bucket=servers.bucket, Key=key, Body=body)
                objects.append((key, answer["ETag"]))

        await asyncio.gather(*(put() for _ in range(16)))
    return objects
