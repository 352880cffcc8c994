"""How long a client waits for the final status, and how many verifications there are per second."""

import asyncio
import json
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from bson import ObjectId

from bench.files import TIMEOUT_SECONDS, pending, seconds_to_completed
from bench.floors.pipeline import GO, READY, Bare, bare
from bench.measure import Row, at_least, at_most, compare
from bench.stand import OWNER, spawned
from stack.stack import Child, Stack
from tests.service import Service, running_service, start_worker
from waybill.files.lifecycle import Status

SINGLES = 100
MANY = 5000
COMPLETE_MANY = Path(__file__).with_name("complete.lua")

_contents = count()


def verdict(stack: Stack) -> Iterator[Row]:
    """From complete to COMPLETED, one file at a time."""
    with running_service(stack) as service, asyncio.Runner() as runner:
        yield compare(
            "complete to COMPLETED, 1 KiB, p50",
            lambda: runner.run(_wait_for_ours(service)),
            "the bare calls in sequence",
            lambda: runner.run(_wait_for_bare(service)),
            unit="ms",
            goal=at_most(2),
        )


def verdicts(stack: Stack) -> Iterator[Row]:
    """Five thousand completes at once, two worker processes."""
    with running_service(stack) as service, asyncio.Runner() as runner:
        workers = [service.worker, start_worker(service)]
        yield compare(
            f"{MANY:,} completes at once, two workers",
            lambda: runner.run(_complete_many(service, workers)),
            "the bare calls in loops, as many processes",
            lambda: runner.run(_complete_many_barely(service, workers)),
            unit="files/s",
            goal=at_least(0.60),
            rounds=3,
        )


async def _wait_for_ours(service: Service) -> float:
    async with bare(dict(service.env)) as servers, service.client(OWNER) as client:
        waits = [
            await seconds_to_completed(servers, client, file_id, asked_every=0.02)
            for file_id in await _stored(servers, OWNER, SINGLES)
        ]
        return statistics.median(waits) * 1000


async def _wait_for_bare(service: Service) -> float:
    async with bare(dict(service.env)) as servers:
        waits = []
        for file_id in await _stored(servers, f"{OWNER}-bare", SINGLES):
            began = time.perf_counter()
            await servers.complete(file_id)
            await servers.verify()
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.02)
        return statistics.median(waits) * 1000


async def _complete_many(service: Service, workers: list[Child]) -> float:
    owner = f"{OWNER}-{next(_contents)}"
    for worker in workers:
        worker.restart()
    async with bare(dict(service.env)) as servers:
        ids = await _stored(servers, owner, MANY)
        with tempfile.NamedTemporaryFile("w") as listed:
            listed.write("".join(f"{file_id}\n" for file_id in ids))
            listed.flush()
            argv = [
                "wrk",
                "-t1",
                "-c16",
                f"-d{TIMEOUT_SECONDS}s",
                "-s",
                str(COMPLETE_MANY),
                service.address,
                "--",
            ]
            began = time.perf_counter()
            wrk = await asyncio.create_subprocess_exec(
                *argv, service.token(owner), listed.name, stdout=subprocess.PIPE
            )
            try:
                await _all_completed(servers, owner)
                ended = time.perf_counter()
            finally:
                # It has sent its last request long since, and would wait out its time.
                wrk.send_signal(signal.SIGINT)
                output, _ = await wrk.communicate()
        if json.loads(output.splitlines()[-1])["failed"]:
            raise RuntimeError(output.decode())
        return MANY / (ended - began)


async def _complete_many_barely(service: Service, workers: list[Child]) -> float:
    owner = f"{OWNER}-{next(_contents)}"
    for worker in workers:
        worker.stop()
    module = ("-m", "bench.floors.pipeline")
    with ExitStack() as running:
        for _ in workers:
            running.enter_context(spawned(service, *module, "verify"))
        async with bare(dict(service.env)) as servers:
            await _stored(servers, owner, MANY)
            running.enter_context(spawned(service, *module, "complete", owner))
            for _ in range(len(workers) + 1):
                await servers.queue.blpop(READY)
            began = time.perf_counter()
            await servers.queue.rpush(GO, "go")
            await _all_completed(servers, owner)
            return MANY / (time.perf_counter() - began)


async def _stored(servers: Bare, owner: str, number: int) -> list[ObjectId]:
    """So many PENDING files whose objects are there, no two alike."""
    documents = [pending(owner) for _ in range(number)]
    await servers.files.insert_many(documents)
    left = iter(documents)

    async def put() -> None:
        for document in left:
            content = f"{next(_contents):01024d}".encode()
            await servers.s3.put_object(Bucket=servers.bucket, Key=document["object_key"], Body=content)

    await asyncio.gather(*(put() for _ in range(16)))
    return [document["_id"] for document in documents]


async def _all_completed(servers: Bare, owner: str) -> None:
    query = {"owner": owner, "deleted_at": None, "status": Status.COMPLETED.value}
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while await servers.files.count_documents(query, hint="newest_by_status") < MANY:
            await asyncio.sleep(0.05)
