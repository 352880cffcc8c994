"""Reading a large object and hashing it."""

import asyncio
import os
import subprocess
import threading
from collections.abc import Iterator
from itertools import count

import psutil
from bson import ObjectId

from bench.files import pending, seconds_to_completed
from bench.floors.pipeline import bare
from bench.measure import Row, at_least, compare
from bench.stand import OWNER
from stack.stack import Stack
from tests.service import Service, running_service
from waybill.platform.presign import Presigner

MIB = 1024**2
SIZE = 2048 * MIB

_rounds = count()


def hashing(stack: Stack) -> Iterator[Row]:
    """Verifying 2 GiB in an actor, by an idle worker."""
    with running_service(stack) as service, asyncio.Runner() as runner:
        key = f"files/{ObjectId()}/{os.urandom(16).hex()}"
        _store(service, key)
        # The first job of a worker loads what all jobs need.
        runner.run(_verify(service, key))
        memory = Memory(service.worker.pid)
        with memory:
            row = compare(
                "verify 2 GiB",
                lambda: SIZE / MIB / runner.run(_verify(service, key)),
                "curl to /dev/null",
                lambda: SIZE / MIB / _drain(service, key),
                unit="MiB/s",
                goal=at_least(0.80),
                remark=lambda: f"the worker grew by {memory.growth / MIB:.0f} MiB at most",
            )
        yield row


class Memory:
    """The most memory that a process takes beyond what it took at first."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._at_first = self._most = self._process.memory_info().rss
        self._ended = threading.Event()
        self._watching = threading.Thread(target=self._watch)

    @property
    def growth(self) -> int:
        """In bytes, so far."""
        return self._most - self._at_first

    def __enter__(self) -> None:
        self._watching.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watching.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self._most = max(self._most, self._process.memory_info().rss)


def _store(service: Service, key: str) -> None:
    """Send the object by one PUT, as a client does; it is made on the way."""
    upload = Presigner.from_settings(service.settings).put(
        key, size=SIZE, content_type="image/jpeg", sha256=None, ttl=600
    )
    headers = [item for name, value in upload.headers.items() for item in ("-H", f"{name}: {value}")]
    argv = [
        "curl",
        "--silent",
        "--fail",
        "-X",
        "PUT",
        "-T",
        "-",
        "-H",
        "Transfer-Encoding:",
        *headers,
        upload.url,
    ]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as curl:
        assert curl.stdin is not None  # noqa: S101
        for _ in range(SIZE // MIB):
            curl.stdin.write(os.urandom(MIB))
        curl.stdin.close()
    if curl.returncode:
        raise RuntimeError(f"curl could not send the object: {curl.returncode}")


async def _verify(service: Service, key: str) -> float:
    """Seconds from complete to COMPLETED, of a file whose object it is."""
    # Of an owner of its own, or it would be a duplicate of the one before.
    owner = f"{OWNER}-{next(_rounds)}"
    async with bare(dict(service.env)) as servers, service.client(owner) as client:
        file = pending(owner, size=SIZE, object_key=key)
        await servers.files.insert_one(file)
        return await seconds_to_completed(servers, client, file["_id"], asked_every=0.1)


def _drain(service: Service, key: str) -> float:
    download = Presigner.from_settings(service.settings).get(
        key, disposition="inline", content_type="image/jpeg", ttl=600
    )
    argv = [
        "curl",
        "--silent",
        "--fail",
        "--output",
        "/dev/null",
        "--write-out",
        "%{time_total}",
        download.url,
    ]
    return float(subprocess.check_output(argv, text=True))
