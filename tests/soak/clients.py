"""The clients: most finish what they begin, some change their minds, and all of them try again."""

import asyncio
import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from motor.motor_asyncio import AsyncIOMotorClient

from tests.actors.conftest import open_bucket
from tests.parity.apis import ApiClient, GraphQLApi, Outcome, RestApi
from tests.soak.fleet import Fleet

#: What a client does, out of a hundred times.
KINDS = {"completed": 80, "deleted": 10, "never sent": 5, "never completed": 5}

#: Bytes, out of a hundred times.
SIZES = {4 * 1024: 60, 256 * 1024: 35, 4 * 1024**2: 5}

#: One of so many is content that its owner has sent before.
COPIES = 10

#: Seconds.
TIMEOUT_SECONDS = 10
ENDLESS = 300


STORED = {"COMPLETED", "DUPLICATE"}


@dataclass(frozen=True)
class Expected:
    """What must become of a file."""

    kind: str
    owner: str
    sha256: str


class Crowd:
    """``clients`` owners who together make ``uploads``, evenly over ``seconds``."""

    def __init__(self, fleet: Fleet, clients: int, uploads: int, seconds: float) -> None:
        self.expected: dict[str, Expected] = {}
        self.known = 0  # uploads that were not needed, for their content was there
        self.repeats = 0
        self._fleet = fleet
        self._owners = [f"soak-{number}" for number in range(clients)]
        self._each = -(-uploads // clients)
        self._pace = seconds / self._each

    async def work(self) -> None:
        """Make all uploads; raises if a client received anything but a success or a request to try again."""
        async with asyncio.TaskGroup() as clients:
            for owner in self._owners:
                clients.create_task(self._client(owner))

    async def _client(self, owner: str) -> None:
        contents: list[bytes] = []
        began = time.monotonic() + random.random() * self._pace
        async with self._apis(owner) as apis, httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as store:
            for number in range(self._each):
                await asyncio.sleep(max(0, began + number * self._pace - time.monotonic()))
                content = os.urandom(random.choices(list(SIZES), list(SIZES.values()))[0])
                if contents and random.randrange(COPIES) == 0:
                    content = random.choice(contents)
                contents = [*contents[-9:], content]
                await self._upload(owner, apis, store, content)

    @asynccontextmanager
    async def _apis(self, owner: str) -> AsyncIterator[list[ApiClient]]:
        """Both APIs of every process."""
        headers = {"Authorization": f"Bearer {self._fleet.service.token(owner)}"}
        async with AsyncExitStack() as stack:
            apis: list[ApiClient] = []
            for address in self._fleet.addresses:
                client = httpx.AsyncClient(base_url=address, headers=headers, timeout=TIMEOUT_SECONDS)
                await stack.enter_async_context(client)
                apis += [RestApi(client), GraphQLApi(client)]
            yield apis

    async def _upload(
        self, owner: str, apis: list[ApiClient], store: httpx.AsyncClient, content: bytes
    ) -> None:
        kind = random.choices(list(KINDS), list(KINDS.values()))[0]
        sha256 = hashlib.sha256(content).hexdigest()
        upload_request: dict[str, Any] = {"name": "soak.bin", "size": len(content)}
        if random.random() < 0.5:
            upload_request["sha256"] = sha256
        requested = await self._insist(apis, lambda api: api.request(**upload_request))
        upload = requested.data["upload"]
        if upload is None:
            self.known += 1
            return
        self.expected[requested.id] = Expected(kind, owner, sha256)
        if kind == "never sent":
            return
        response = await store.put(upload["url"], headers=upload["headers"], content=content)
        assert response.status_code == 200, response.text
        if kind == "never completed":
            return
        await self._insist(apis, lambda api: api.complete(requested.id))
        if kind == "deleted":
            await asyncio.sleep(random.random() * 0.2)
            await self._insist(apis, lambda api: api.delete(requested.id))

    async def _insist(self, apis: list[ApiClient], ask: Callable[[ApiClient], Awaitable[Outcome]]) -> Outcome:
        """Ask any API of any process until one has done it."""
        deadline = time.monotonic() + ENDLESS
        while time.monotonic() < deadline:
            try:
                outcome = await ask(random.choice(apis))
            except httpx.ReadTimeout:
                raise
            except httpx.TransportError:  # the process was killed
                pass
            else:
                if outcome.code is None:
                    return outcome
                assert outcome.code == "service_unavailable", outcome
            self.repeats += 1
            await asyncio.sleep(0.1)
        raise AssertionError("the outage does not end")

    async def verdicts(self) -> list[str]:
        """Wait for every file's end; what is wrong with those that ended otherwise than they must."""
        ended: dict[str, Any] = {}
        async with asyncio.TaskGroup() as checks:
            for owner in self._owners:
                checks.create_task(self._follow(owner, ended))
        winners = Counter(
            (self.expected[file_id].owner, file["sha256"])
            for file_id, file in ended.items()
            if file["status"] == "COMPLETED" and not file["deletedAt"]
        )
        wrong = [f"{content}: stored {count} times" for content, count in winners.items() if count > 1]
        return wrong + [
            f"{expected.kind}: {ended[file_id]}"
            for file_id, expected in self.expected.items()
            if not _is_right(expected, ended[file_id], ended)
        ]

    async def _follow(self, owner: str, ended: dict[str, Any]) -> None:
        deadline = time.monotonic() + ENDLESS
        async with self._apis(owner) as apis, httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as store:
            for file_id, expected in self.expected.items():
                if expected.owner != owner:
                    continue
                while True:
                    file = (await self._insist(apis, lambda api: api.get(file_id))).data  # noqa: B023
                    if _has_ended(file) or time.monotonic() > deadline:
                        break
                    await asyncio.sleep(0.5)
                ended[file_id] = file
                if file["status"] in STORED and not file["deletedAt"]:
                    link = (await self._insist(apis, lambda api: api.download(file_id))).data["url"]  # noqa: B023
                    file["stored"] = hashlib.sha256((await store.get(link)).content).hexdigest()

    async def unwanted_objects(self) -> set[str]:
        """What the bucket holds beside the content of COMPLETED files."""
        settings = self._fleet.service.settings
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            settings.mongodb_url.get_secret_value()
        )
        files = client[settings.mongodb_database]["files"]
        wanted = set(await files.distinct("object_key", {"status": "COMPLETED", "deleted_at": None}))
        client.close()
        async for bucket in open_bucket(self._fleet.service):
            found = await bucket.keys()
        return found - wanted


def _has_ended(file: Any) -> bool:
    """Whether nothing more will happen to it."""
    if file["status"] in STORED and not file["deletedAt"]:
        return True
    return file["purgedAt"] is not None


def _is_right(expected: Expected, file: Any, files: dict[str, Any]) -> bool:
    if not _has_ended(file):
        return False
    match expected.kind:
        case "completed" if file["status"] == "COMPLETED":
            return bool(file["sha256"] == expected.sha256 == file["stored"])
        case "completed":
            original = files.get(file["duplicateOf"], {})
            is_led = file["status"] == "DUPLICATE" and original.get("sha256") == expected.sha256
            return bool(is_led and file["stored"] == expected.sha256)
        case "deleted":
            return file["deletedAt"] is not None
        case _:
            return bool(file["status"] == "EXPIRED")
