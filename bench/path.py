"""The whole path of a file: processor time of each process, and commands of each server, per file."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any

import httpx
import psutil
import pymongo

from bench.stand import OWNER
from stack.stack import Stack
from tests.cluster.background_loop import background_loop
from tests.cluster.store_proxy import StoreProxy, running_store_proxy
from tests.service import Service, running_service
from waybill.files.lifecycle import Status
from waybill.resources import redis_client

FILES = 500
FILE_BYTES = 4096
IN_FLIGHT = (1, 16, 64)

#: The commands of MongoDB and Redis that a file causes. Others are health checks and waits.
MONGODB = ("find", "findAndModify", "insert", "update", "delete", "aggregate", "commitTransaction")
REDIS_IDLE = ("info", "ping", "subscribe", "client|setinfo", "hello", "auth", "select", "config|get")

PROCESSES = ("API", "worker", "mongod", "valkey-server", "weed")


def path(stack: Stack) -> Iterator[str]:
    """Yield a table of milliseconds of processor time per file, and lines of commands per file."""
    yield f"| {FILES} files of 4 KiB | in flight | files/s | {' | '.join(PROCESSES)} |"
    yield "|---|--:|--:" + "|--:" * len(PROCESSES) + "|"
    with running_service(stack) as service, asyncio.Runner() as runner:
        for step in STEPS.values():
            runner.run(step(service, 16))  # warm
        for in_flight in IN_FLIGHT:
            for what, step in STEPS.items():
                before, began = _milliseconds(service), time.perf_counter()
                runner.run(step(service, in_flight))
                rate = FILES / (time.perf_counter() - began)
                spent = _milliseconds(service) - before
                cells = " | ".join(f"{spent[name] / FILES:.1f}" for name in PROCESSES)
                yield f"| {what} | {in_flight} | {rate:.0f} | {cells} |"
    yield ""
    with (
        background_loop() as loop,
        running_store_proxy(loop, stack.addresses.s3_endpoint_url) as proxy,
        running_service(
            stack, s3_endpoint_url=proxy.address, s3_public_endpoint_url=proxy.address
        ) as service,
        asyncio.Runner() as runner,
    ):
        for what, step in STEPS.items():
            seen = _commands(service, proxy)
            runner.run(step(service, 16))
            counts = _commands(service, proxy) - seen
            report = ", ".join(f"{name} {count / FILES:.2f}" for name, count in sorted(counts.items()))
            yield f"Commands per file, {what}: {report}."


async def _upload(service: Service, in_flight: int) -> None:
    content = os.urandom(FILE_BYTES - 8)
    async with service.client(OWNER) as api, httpx.AsyncClient() as store:

        async def send(number: int) -> None:
            body = {"name": f"{number}.bin", "size": FILE_BYTES}
            granted = (await api.post("/api/v1/files/upload-request", json=body)).json()
            upload = granted["upload"]
            # Different contents, so that none is a duplicate.
            sent = await store.put(upload["url"], content=content + os.urandom(8), headers=upload["headers"])
            sent.raise_for_status()
            (await api.post(f"/api/v1/files/{granted['file']['id']}/complete")).raise_for_status()

        await _each(range(FILES), in_flight, send)
    await _until_none(service, {"status": {"$in": [Status.PENDING.value, Status.PROCESSING.value]}})


async def _delete(service: Service, in_flight: int) -> None:
    async with service.client(OWNER) as api:

        async def delete(file_id: Any) -> None:
            (await api.delete(f"/api/v1/files/{file_id}")).raise_for_status()

        ids = [each["_id"] for each in _files(service).find({"deleted_at": None}, {"_id": 1})]
        await _each(ids, in_flight, delete)
    await _until_none(service, {"purge_at": {"$exists": True}, "purged_at": None})


STEPS: Mapping[str, Callable[[Service, int], Coroutine[Any, Any, None]]] = {
    "request, PUT, complete, verdict": _upload,
    "delete, purge": _delete,
}


async def _each(items: Any, in_flight: int, do: Callable[[Any], Awaitable[None]]) -> None:
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await do(item)

    await asyncio.gather(*(work() for _ in range(in_flight)))


async def _until_none(service: Service, query: Mapping[str, Any]) -> None:
    files = _files(service)
    while files.find_one(query, {"_id": 1}) is not None:
        await asyncio.sleep(0.1)


def _files(service: Service) -> "pymongo.collection.Collection[dict[str, Any]]":
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(service.stack.addresses.mongodb_url)
    return client[service.settings.mongodb_database]["files"]


def _milliseconds(service: Service) -> Counter[str]:
    names = {service.api.pid: "API", service.worker.pid: "worker"}
    spent: Counter[str] = Counter()
    for child in service.stack.children:
        if (child.pid is not None and child.pid in names) or child.name in {"mongod", "valkey", "seaweedfs"}:
            process = psutil.Process(child.pid)
            name = names.get(child.pid) or process.name()
            times = process.cpu_times()
            spent[name] += round((times.user + times.system) * 1000)
    return spent


def _commands(service: Service, proxy: StoreProxy) -> Counter[str]:
    """Return how often each command was run: of MongoDB, of Redis, and of S3."""
    client = _files(service).database.client
    found = client.admin.command("serverStatus")["metrics"]["commands"]
    counts = Counter({f"MongoDB {name}": int(found[name]["total"]) for name in MONGODB})
    with redis_client(service.settings) as redis:
        stats: Any = redis.info("commandstats")
    for name, each in stats.items():
        command = name.removeprefix("cmdstat_")
        if command not in REDIS_IDLE:
            counts[f"Redis {command}"] = int(each["calls"])
    for method, number in proxy.requests.items():
        counts[f"S3 {method}"] = number
    return counts
