"""An API and a worker that die while many clients give and take names of few contents."""

import asyncio
import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from bson import ObjectId

from stack.stack import Stack
from tests.contents import PAST, check_contents
from tests.faults.load import ready
from tests.faults.records import hurried, records
from tests.faults.table import LONG, NOTES, ROWS, Row
from tests.parity.apis import Outcome, RestApi
from tests.service import Service, running_service
from tests.uploads import FINAL, put
from tests.waiting import fail_if_a_process_died, until

CLIENTS = 20
STRIKES = 20 if LONG else 2

#: Operations of all clients between two strikes, at most: few, so that most strikes meet some.
PER_STRIKE = 100 if LONG else 40

#: Seconds until a client calls an outage endless.
ENDLESS = 120

NAMES = ("a", "b", "c", "d")
FOLDERS = ("", "a/", "a/b/")


@pytest.fixture
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill of this test's own, with a trash."""
    with running_service(stack, purge_delay="3600") as running:
        yield running


class Names:
    """Clients of one owner, and what they know of its files."""

    def __init__(self, service: Service, api: RestApi) -> None:
        self.service = service
        self.api = api
        self.contents = [os.urandom(random.randrange(1, 50_000)) for _ in range(10)]
        self.content_of: dict[str, bytes] = {}
        self.never_deleted: set[str] = set()
        self.operations: Counter[str] = Counter()
        self.trouble: Counter[str] = Counter()
        #: Seconds until a request was answered whose connection was never broken, but that got a 503.
        self.waits: list[float] = []
        self.is_over = False

    async def work(self) -> None:
        """Do one thing after another, at random."""
        acts = {
            self.upload: 4,
            self.declare: 4,
            self.delete: 4,
            self.restore: 3,
            self.update: 3,
            self.purge: 1,
        }
        while not self.is_over:
            [act] = random.choices([*acts], [*acts.values()])
            await act()
            self.operations[act.__name__] += 1

    async def insist(self, call: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Repeat a call until it is answered by anything but "try again"."""
        began = time.monotonic()
        seen: Counter[str] = Counter()
        async with asyncio.timeout(ENDLESS):
            while True:
                try:
                    outcome = await call()
                    if outcome.code != "service_unavailable":
                        self.trouble += seen
                        if seen.keys() == {"503"}:
                            self.waits.append(time.monotonic() - began)
                        return outcome
                    seen["503"] += 1
                except httpx.TransportError:
                    seen["broken connections"] += 1
                fail_if_a_process_died()
                await asyncio.sleep(0.1)

    async def request(self, content: bytes, **fields: Any) -> Outcome | None:
        """Request by two clients with one key: they receive one file. None if it is deleted already."""
        key = random.randbytes(8).hex()
        place = {"name": random.choice(NAMES), "folder": random.choice(FOLDERS)}
        given = {**place, "size": len(content), **fields}
        both = await asyncio.gather(*(self.insist(lambda: self.api.request(key, **given)) for _ in range(2)))
        answered = [outcome for outcome in both if outcome.code is None]
        # The file of the first answer may be deleted before the second.
        assert {outcome.code for outcome in both} <= {None, "wrong_state"}, both
        assert len({outcome.id for outcome in answered}) <= 1, both
        for outcome in answered:
            if outcome.id not in self.content_of:
                self.content_of[outcome.id] = content
                self.never_deleted.add(outcome.id)
        return answered[0] if answered else None

    async def upload(self) -> None:
        content = random.choice(self.contents)
        requested = await self.request(content)
        if requested is None:
            return
        assert (await put(requested.data["upload"], content)).status_code in {200, 412}
        completed = await self.insist(lambda: self.api.complete(requested.id))
        assert completed.code in {None, "wrong_state"}, completed

    async def declare(self) -> None:
        content = random.choice(self.contents)
        requested = await self.request(content, sha256=hashlib.sha256(content).hexdigest())
        if requested is not None and requested.data["upload"] is not None:
            await put(requested.data["upload"], content)
            await self.insist(lambda: self.api.complete(requested.id))

    def any_file(self) -> str | None:
        return random.choice([*self.content_of]) if self.content_of else None

    async def delete(self) -> None:
        if (file_id := self.any_file()) is not None:
            self.never_deleted.discard(file_id)
            assert (await self.insist(lambda: self.api.delete(file_id))).code is None

    async def restore(self) -> None:
        if (file_id := self.any_file()) is not None:
            outcome = await self.insist(lambda: self.api.restore(file_id))
            assert outcome.code in {None, "wrong_state"}, outcome

    async def update(self) -> None:
        if (file_id := self.any_file()) is not None:
            changes = {"name": random.choice(NAMES), "folder": random.choice(FOLDERS)}
            outcome = await self.insist(lambda: self.api.update(file_id, **changes))
            assert outcome.code in {None, "wrong_state"}, outcome

    async def purge(self) -> None:
        """Let the time of a file in the trash be over."""
        if (file_id := self.any_file()) is not None:
            with records(self.service) as files:
                await files.update_one(
                    {"_id": ObjectId(file_id), "deleted_at": {"$exists": True}, "purge_began_at": None},
                    {"$set": {"purge_at": PAST, "due_at": PAST}},
                )

    async def end(self) -> dict[str, Any]:
        """End all uploads that are open; the files, by id, once each has its final status."""
        for file_id in self.content_of:
            file = (await self.api.get(file_id)).data
            is_open = file["status"] == "PENDING" and file["deletedAt"] is None
            if is_open and (await self.api.complete(file_id)).code is not None:
                assert file_id not in self.never_deleted
                await self.api.delete(file_id)
        found: dict[str, Any] = {}

        async def all_final() -> bool:
            for file_id in self.content_of.keys() - found.keys():
                file = (await self.api.get(file_id)).data
                if file["deletedAt"] is None and file["status"] not in FINAL:
                    return False
                found[file_id] = file
            return True

        await until(all_final, "all outcomes", ENDLESS)
        return found

    async def lost(self, files: dict[str, Any]) -> set[str]:
        """The files that a client would miss."""
        missed = {file_id for file_id in self.never_deleted if files[file_id]["deletedAt"] is not None}
        async with httpx.AsyncClient(timeout=60) as store:
            for file_id, file in files.items():
                if file["deletedAt"] is None:
                    link = await self.api.download(file_id)
                    got = None if link.code else (await store.get(link.data["url"])).content
                    if got != self.content_of[file_id]:
                        missed.add(file_id)
        return missed


async def test_an_api_and_a_worker_killed_leave_every_name_its_content(service: Service, owner: str) -> None:
    random.seed(owner)
    async with service.client(owner, retries_503=False) as client:
        names = Names(service, RestApi(client))
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(names.work())
            for _ in range(STRIKES):
                goal = names.operations.total() + random.randrange(PER_STRIKE)
                await until(lambda: names.operations.total() >= goal, "operations", ENDLESS)  # noqa: B023
                for child in random.choice([[service.api], [service.worker], [service.api, service.worker]]):
                    child.kill()
                    child.restart()
            await until(lambda: names.operations.total() >= goal + PER_STRIKE, "operations", ENDLESS)
            names.is_over = True
        await ready(service)
        async with hurried(service):
            files = await names.end()
        missed = await names.lost(files)
        ROWS.append(
            Row(
                "API and worker killed while names of 10 contents come and go",
                STRIKES,
                len(files),
                len(missed),
            )
        )
        assert not missed
    with records(service) as collection:
        stored = {str(file["_id"]) async for file in collection.find({}, {"_id": 1})}
    # Each key has made one file at most.
    assert stored == set(files)
    held = await check_contents(service)
    counted = dict(sorted((names.operations + names.trouble).items()))
    longest = max(names.waits, default=0)
    waits = f"{len(names.waits)} requests got only 503s first, and waited {longest:.1f} s at most"
    NOTES.append(f"{STRIKES} strikes: {counted}; {waits}; {held}")
