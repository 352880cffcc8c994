"""Clients that upload while something goes wrong, and what must be true of every file afterwards."""

import asyncio
import hashlib
import os
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient

from tests.actors.conftest import orphans
from tests.faults.table import LONG, ROWS, Row
from tests.parity.faces import RestFace
from tests.service import Service
from tests.uploads import purged, settled
from tests.waiting import fail_if_a_process_died, until

CLIENTS = 6

#: Bytes. Most files are small; every eighth takes a worker a moment to hash.
SMALL, LARGE = 64 * 1024, 8 * 1024**2

#: Seconds. An API that is silent for so long hangs; a store may, and is asked again.
API_PATIENCE, STORE_PATIENCE = 10, 5

#: Seconds until a client, or who waits for one, calls an outage endless.
ENDLESS = 120

Call = Callable[[], Awaitable[httpx.Response]]


class Load:
    """Some clients of one owner, who upload one file after another, every fourth of them a copy.

    A client tries again after a 503, whatever the store's trouble is, and, where the API ``may_drop`` its
    connections, after that. Any other answer is an offence.
    """

    def __init__(self, service: Service, owner: str, *, may_drop: bool = False) -> None:
        self.service = service
        self.owner = owner
        self.sha256s: dict[str, str] = {}  # of the files that a client has completed, by id
        self.repeats = 0
        self._may_drop = may_drop
        self._offences: list[str] = []
        self._contents: list[bytes] = []
        self._stopped = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The clients work meanwhile; in the end each finishes the file that it is at."""
        store = httpx.AsyncClient(timeout=STORE_PATIENCE)
        async with (
            self.service.client(self.owner, is_patient=False) as api,
            store,
            asyncio.TaskGroup() as clients,
        ):
            api.timeout = httpx.Timeout(API_PATIENCE)
            self._stopped = False
            for _ in range(CLIENTS):
                clients.create_task(self._work(api, store))
            yield
            self._stopped = True

    async def progress(self, files: int = 3 * CLIENTS) -> None:
        """Wait until so many more files are completed."""
        goal = len(self.sha256s) + files
        await until(lambda: len(self.sha256s) >= goal or bool(self._offences), f"{files} more files", ENDLESS)

    async def _work(self, api: httpx.AsyncClient, store: httpx.AsyncClient) -> None:
        while not self._stopped and not self._offences:
            content = self._next_content()
            announced = {"name": "load.bin", "size": len(content)}
            requested = await self._insist(lambda: api.post("/api/v1/files/upload-request", json=announced))  # noqa: B023
            upload, file_id = requested["upload"], requested["file"]["id"]
            await self._send(store, upload, content)
            await self._insist(lambda: api.post(f"/api/v1/files/{file_id}/complete"))  # noqa: B023
            self.sha256s[file_id] = hashlib.sha256(content).hexdigest()

    def _next_content(self) -> bytes:
        if self._contents and random.random() < 0.25:
            return random.choice(self._contents)
        content = os.urandom(LARGE if random.random() < 0.125 else random.randrange(SMALL))
        self._contents.append(content)
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
                if response.is_success:
                    return response.json()
                if not _says_try_again(response):
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
        await ready(self.service)
        store = httpx.AsyncClient(timeout=60)
        async with _hurried(self.service), self.service.client(self.owner) as api, store:
            face = RestFace(api)
            files = [await settled(face, file_id, seconds=ENDLESS) for file_id in self.sha256s]
            right = self._rightly_judged(files)
            lost = {file["id"]: file for file in files if file["id"] not in right}
            for file in files:
                if file["status"] == "COMPLETED":
                    link = (await face.download(file["id"])).data["url"]
                    if hashlib.sha256((await store.get(link)).content).hexdigest() != file["sha256"]:
                        lost[file["id"]] = file
            ROWS.append(Row(fault, times, len(files), len(lost)))
            assert lost == {}
            for file in files:
                if file["status"] == "DUPLICATE":
                    await purged(face, file["id"], seconds=ENDLESS)
        assert await asyncio.to_thread(orphans, self.service, "--older-than", "0") == {}

    def _rightly_judged(self, files: list[Any]) -> set[str]:
        """Those with the right SHA-256: one COMPLETED of each content, and its DUPLICATEs."""
        completed: dict[str, list[str]] = defaultdict(list)
        for file in files:
            if file["status"] == "COMPLETED":
                completed[file["sha256"]].append(file["id"])
        return {
            file["id"]
            for file in files
            if file["sha256"] == self.sha256s[file["id"]]
            and completed[file["sha256"]] == [file["duplicateOf"] or file["id"]]
            and file["status"] in {"COMPLETED", "DUPLICATE"}
        }


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

        await until(serves, service.api.obituary, ENDLESS)


@asynccontextmanager
async def _hurried(service: Service) -> AsyncIterator[None]:
    """Every few seconds half a minute goes by: jobs that are owed become due, and leases run out.

    The long run waits for them as long as it really takes.
    """

    async def let_time_pass() -> None:
        with records(service) as files:
            while not LONG:
                await files.update_many(
                    # Not those whose object is gone: they are looked at once more when their URL is dead.
                    {"due_at": {"$exists": True}, "purged_at": None},
                    {"$set": {"due_at": datetime(2000, 1, 1, tzinfo=UTC)}},
                )
                await asyncio.sleep(5)

    passing = asyncio.create_task(let_time_pass())
    try:
        yield
    finally:
        passing.cancel()
        await asyncio.wait([passing])


@contextmanager
def records(service: Service) -> Iterator[Any]:
    """The collection of files, behind the API's back."""
    settings = service.settings
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(settings.mongodb_url.get_secret_value())
    try:
        yield client[settings.mongodb_database]["files"]
    finally:
        client.close()


async def record(service: Service, file_id: str) -> dict[str, Any]:
    """A file as MongoDB has it."""
    with records(service) as files:
        found: dict[str, Any] = await files.find_one({"_id": ObjectId(file_id)})
    return found


async def held(service: Service, file_id: str) -> str:
    """Wait until a worker has the file in hand; the token of its attempt."""

    async def attempt() -> str | None:
        token: str | None = (await record(service, file_id)).get("attempt")
        return token

    token = await until(attempt, "a worker takes the file", 30)
    assert token is not None
    return token
