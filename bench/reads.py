"""What a read costs that a majority must have: MongoDB's processor time for each, by read concern."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pymongo
from pymongo.read_concern import ReadConcern

from bench.measure import Row, at_most, compare
from stack.stack import Stack
from tests.cluster.background_loop import background_loop
from tests.cluster.replica_set import running_replica_set

#: Reads of a round. Each linearizable one waits for a write to reach a majority.
READS = {"majority": 2000, "linearizable": 20}


def reads(stack: Stack) -> Iterator[Row]:
    """Read one file by its id, one connection, on a set of one member and on one of three."""
    yield from _rows("one member", stack.addresses.mongodb_url, [stack.child("mongod").pid])
    with (
        tempfile.TemporaryDirectory() as folder,
        background_loop() as loop,
        running_replica_set(stack, loop, Path(folder)) as mongo,
    ):
        # Past the relays, for these take longer than MongoDB does.
        primary = mongo.primary()
        url = f"mongodb://127.0.0.1:{primary.port}/?directConnection=true"
        yield from _rows("three members", url, [member.child.pid for member in mongo.members])


def _rows(members: str, url: str, pids: Sequence[int]) -> Iterator[Row]:
    with pymongo.MongoClient[Any](url, w="majority") as client:
        files = client.bench_reads.files
        files.replace_one({"_id": 1}, {"owner": "o", "name": "holiday.jpg", "size": 1}, upsert=True)
        for level, goal in (("majority", at_most(1.2)), ("linearizable", None)):
            for measure, unit in ((_processor_time, "µs of processor"), (_time, "µs")):
                committed, local = (
                    files.with_options(read_concern=ReadConcern(each)) for each in (level, "local")
                )
                yield compare(
                    f"read a file, {level}, {members}",
                    measure(committed, pids, READS[level]),
                    "local",
                    measure(local, pids, READS[level]),
                    unit=unit,
                    goal=goal,
                )


def _processor_time(files: Any, pids: Sequence[int], times: int) -> Callable[[], float]:
    servers = [psutil.Process(pid) for pid in pids]

    def used() -> float:
        return sum(sum(server.cpu_times()[:2]) for server in servers)

    def measure() -> float:
        before = used()
        _read(files, times)
        return (used() - before) / times * 1_000_000

    return measure


def _time(files: Any, pids: Sequence[int], times: int) -> Callable[[], float]:
    def measure() -> float:
        before = time.perf_counter()
        _read(files, times)
        return (time.perf_counter() - before) / times * 1_000_000

    return measure


def _read(files: Any, times: int) -> None:
    for _ in range(times):
        files.find_one({"_id": 1})
