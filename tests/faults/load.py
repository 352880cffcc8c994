"""Clients that upload while something goes wrong, and what must be true of every file afterwards."""

import asyncio
import hashlib
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx
from bson import ObjectId

from tests.actors.conftest import orphans
from tests.faults.records import hurried, records
from tests.faults.table import LONG, ROWS, Row
from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import FINAL
from tests.waiting import TimeIsOver, fail_if_a_process_died, until

CLIENTS = 6

#: Bytes. Most files are small; every eighth takes a worker a moment to hash.
SMALL, LARGE = 64 * 1024, 8 * 1024**2

#: Seconds between two files of a client. Without a pause there is as much load as the machine can do, for as
#: long as a fault takes to show, and the processes that are to show it wait for the processor.
PAUSE_SECONDS = 0 if LONG else 0.3

#: Seconds. An API that is silent for so long hangs; a store may, and is asked again.
API_PATIENCE, STORE_PATIENCE = 10, 5

#: Seconds until a client, or who waits for one, calls an outage endless.
ENDLESS = 120

Call = Callable[[], Awaitable[httpx.Response]]


class Load:
    """Some clients of one or more owners, who upload one file after another, every fourth of them a copy.

    The clients are spread over the owners, and over the APIs of ``service`` and those ``beside`` it.

    A client tries again after any 503 of the store, if the API ``may_drop`` its
    connections after that, and after an answer with one of the codes of ``refusals``, which are right for
    the fault. Any other answer is an offence.
    """

    def __init__(
        self,
        service: Service,
        *owners: str,
        beside: Sequence[Service] = (),
        may_drop: bool = False,
        refusals: Collection[str] = (),
    ) -> None:
        self.service = service
        self.sha256s: dict[str, str] = {}  # of the files that a client has completed, by id
        self.repeats = 0
        self.codes: Counter[int] = Counter()
        self._services = (service, *beside)
        self._owners = owners
        self._owner_of: dict[str, str] = {}  # the same files
        self._may_drop = may_drop
        self._refusals = refusals
        self._offences: list[str] = []
        self._contents: dict[str, list[bytes]] = defaultdict(list)
        self._stopped = False
        self._succeeded_at = 0.0
        self._answer_silence = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The clients work meanwhile; in the end each finishes the file that it is at."""
        store = httpx.AsyncClient(timeout=STORE_PATIENCE)
        async with store, asyncio.TaskGroup() as clients:
            self._stopped = False
            self._succeeded_at = time.monotonic()
            for number in range(CLIENTS):
                service = self._services[number % len(self._services)]
                clients.create_task(self._work(service, self._owners[number % len(self._owners)], store))
            yield
            self._stopped = True

    async def progress(self, files: int = 3 * CLIENTS) -> None:
        """Wait until so many more files are completed."""
        goal = len(self.sha256s) + files
        await until(lambda: len(self.sha256s) >= goal or bool(self._offences), f"{files} more files", ENDLESS)

    async def _work(self, service: Service, owner: str, store: httpx.AsyncClient) -> None:
        async with service.client(owner) as api:
            api.timeout = httpx.Timeout(API_PATIENCE)
            while not self._stopped and not self._offences:
                content = self._next_content(owner)
                upload_request = {"name": "load.bin", "size": len(content)}
                requested = await self._insist(
                    lambda: api.post("/api/v1/files/upload-request", json=upload_request)  # noqa: B023
                )
                upload, file_id = requested["upload"], requested["file"]["id"]
                await self._send(store, upload, content)
                await self._insist(lambda: api.post(f"/api/v1/files/{file_id}/complete"))  # noqa: B023
                self._owner_of[file_id] = owner
                self.sha256s[file_id] = hashlib.sha256(content).hexdigest()
                await asyncio.sleep(PAUSE_SECONDS)

    def _next_content(self, owner: str) -> bytes:
        contents = self._contents[owner]
        if contents and random.random() < 0.25:
            return random.choice(contents)
        content = os.urandom(LARGE if random.random() < 0.125 else random.randrange(SMALL))
        contents.append(content)
        return content

    async def _insist(self, call: Call) -> Any:
        """Ask the API until it has done it, or says anything but "try again"."""
        deadline = time.monotonic() + ENDLESS
        while time.monotonic() < deadline:
            try:
                response = await call()
            except httpx.TransportError as error:
                if not self._may_drop or isinstance(error, httpx.ReadTimeout):
                    self._offend(f"{error.request.url.path}: {error!r}")
            else:
                self.codes[response.status_code] += 1
                if response.is_success:
                    now = time.monotonic()
                    self._answer_silence = max(self._answer_silence, now - self._succeeded_at)
                    self._succeeded_at = now
                    return response.json()
                if not _says_try_again(response) and response.json().get("code") not in self._refusals:
                    self._offend(f"{response.url.path}: {response.status_code} {response.text}")
            fail_if_a_process_died()
            self.repeats += 1
            await asyncio.sleep(0.1)
        raise AssertionError("the outage does not end")

    async def _send(self, store: httpx.AsyncClient, upload: Mapping[str, Any], content: bytes) -> None:
        """Send the bytes until the store has them."""
        deadline = time.monotonic() + ENDLESS
        in_doubt = False
        while time.monotonic() < deadline:
            try:
                response = await store.put(upload["url"], headers=upload["headers"], content=content)
            except httpx.TransportError:
                in_doubt = True
            else:
                # After an attempt without an answer a 412 says that the bytes had arrived.
                if response.status_code == 200 or (response.status_code == 412 and in_doubt):
                    return
                if response.status_code < 500:
                    self._offend(f"PUT: {response.status_code} {response.text}")
                in_doubt = True
            fail_if_a_process_died()
            self.repeats += 1
            await asyncio.sleep(0.1)
        raise AssertionError("the store's outage does not end")

    def _offend(self, what: str) -> None:
        self._offences.append(what)
        raise AssertionError(what)

    async def check(self, fault: str, times: int) -> None:
        """Every completed file has its verdict, its SHA-256 and its bytes, and the bucket nothing else.

        Notes the fault as a row of the table.
        """
        for service in self._services:
            await ready(service)
        async with AsyncExitStack() as running:
            store = await running.enter_async_context(httpx.AsyncClient(timeout=60))
            await running.enter_async_context(hurried(self.service))
            apis = {
                owner: RestApi(await running.enter_async_context(self.service.client(owner)))
                for owner in self._owners
            }
            stuck = await self._stuck()
            files = [(await apis[owner].get(file_id)).data for file_id, owner in self._owner_of.items()]
            right = self._rightly_judged(files)
            lost = {file["id"]: file for file in files if file["id"] not in right | stuck}
            for file in files:
                if file["status"] in {"COMPLETED", "DUPLICATE"}:
                    link = (await apis[self._owner_of[file["id"]]].download(file["id"])).data["url"]
                    if hashlib.sha256((await store.get(link)).content).hexdigest() != file["sha256"]:
                        lost[file["id"]] = file
            ROWS.append(
                Row(
                    fault,
                    times,
                    len(files),
                    len(lost),
                    len(stuck),
                    self._answer_silence,
                    _longest_gap(file["completedAt"] for file in files),
                    self.codes,
                )
            )
            assert (lost, stuck) == ({}, set())
        assert await asyncio.to_thread(orphans, self.service, "--older-than", "0") == {}

    async def _stuck(self) -> set[str]:
        """Wait until every completed file has its verdict; those that have none when the time is over."""
        ids = [ObjectId(file_id) for file_id in self.sha256s]
        undecided = {"_id": {"$in": ids}, "status": {"$nin": sorted(FINAL)}}
        with records(self.service) as files:

            async def are_decided() -> bool:
                return not await files.count_documents(undecided)

            with suppress(TimeIsOver):
                await until(are_decided, "all verdicts", ENDLESS)
            return {str(file["_id"]) async for file in files.find(undecided, {"_id": 1})}

    def _rightly_judged(self, files: list[Any]) -> set[str]:
        """Those with the right SHA-256: one COMPLETED of each content, and its DUPLICATEs."""
        completed: dict[tuple[str, str], list[str]] = defaultdict(list)
        for file in files:
            if file["status"] == "COMPLETED":
                completed[self._owner_of[file["id"]], file["sha256"]].append(file["id"])
        return {
            file["id"]
            for file in files
            if file["sha256"] == self.sha256s[file["id"]]
            and completed[self._owner_of[file["id"]], file["sha256"]] == [file["duplicateOf"] or file["id"]]
            and file["status"] in {"COMPLETED", "DUPLICATE"}
        }


def _longest_gap(times: Iterable[str | None]) -> float | None:
    """The most seconds between one of the times and the next; None if there are not two."""
    known = sorted(datetime.fromisoformat(each) for each in times if each is not None)
    return max(((after - before).total_seconds() for before, after in pairwise(known)), default=None)


def _says_try_again(response: httpx.Response) -> bool:
    return (
        response.status_code == 503
        and response.json()["code"] == "service_unavailable"
        and int(response.headers["retry-after"]) > 0
    )


async def ready(service: Service) -> None:
    """Wait until the API serves and reaches all of its servers."""
    async with httpx.AsyncClient(base_url=service.address, timeout=API_PATIENCE) as client:

        async def serves() -> bool:
            try:
                status: str = (await client.get("/readyz")).json()["status"]
                return status == "ok"
            except httpx.TransportError:
                return False

        await until(serves, service.api.exit_report, ENDLESS)
