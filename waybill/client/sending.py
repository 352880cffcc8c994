"""Send the bytes of a file: by one PUT or in parts, those alone that the store does not hold."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice

from waybill.client.api import Api
from waybill.client.batching import Batcher
from waybill.client.errors import ClientError, ContentChanged, ObjectMissing, PartsMissing, StoreRefused
from waybill.client.models import Announced, File, Held, Multipart, Upload
from waybill.client.source import Progress, Source
from waybill.client.store import Store
from waybill.client.together import together

#: How often a whole upload is gone through, should what was sent be gone again when it is completed.
ROUNDS = 3

#: The most part URLs that the API signs at once.
MAX_URLS = 100

#: Files that are open at once. Some systems let a process open 256.
MAX_OPEN_FILES = 128


class Sender:
    """Sends one file until the API takes it as complete."""

    def __init__(
        self, api: Api, store: Store, completing: Batcher, source: Source, progress: Progress | None
    ) -> None:
        self._api = api
        self._completing = completing
        self._store = store
        self._source = source
        self._progress = progress
        self._sent = 0

    async def send(self, announced: Announced) -> File:
        """Send what the announcement asks for, and complete it.

        Raises:
            ContentChanged, StoreRefused: the bytes are not what was announced, or the store takes none.
            Unreachable, ApiError: the upload may be resumed later.
        """
        self._ensure_fits(announced.file)
        for _ in range(ROUNDS):
            await self._send(announced)
            try:
                return await self._complete(announced)
            except (ObjectMissing, PartsMissing) as missing:
                error = missing
            announced = await self._refreshed(announced.file.id)
        raise error

    async def resume(self, file_id: str) -> File:
        """Send what is missing of an upload that was begun. Raises as ``send`` does."""
        try:
            # Whatever has arrived whole needs no further byte.
            file = File.of(await self._completing.call(file_id))
        except (ObjectMissing, PartsMissing):
            return await self.send(await self._refreshed(file_id))
        self._move(self._source.size)
        return file

    async def _complete(self, announced: Announced) -> File:
        file_id = announced.file.id
        if announced.multipart is not None:
            # Alone: the store may take long to put the parts together, and other files would wait.
            return File.of(await self._api.call("POST", f"/files/{file_id}/complete"))
        return File.of(await self._completing.call(file_id))

    async def _refreshed(self, file_id: str) -> Announced:
        return Announced.of(await self._api.call("POST", f"/files/{file_id}/upload-url"))

    def _ensure_fits(self, file: File) -> None:
        if file.size != self._source.size:
            raise ContentChanged(
                f"{self._source.path} has {self._source.size} bytes; its upload was requested for {file.size}"
            )

    async def _send(self, announced: Announced) -> None:
        self._move(-self._sent)
        try:
            if announced.multipart is not None:
                await self._send_parts(announced.file.id, announced.multipart)
            elif announced.upload is not None:
                await self._send_whole(announced.file.id, announced.upload)
        except StoreRefused as refusal:
            # The store has given the parts up. To complete now tells the API, which then begins anew.
            if refusal.s3_code != "NoSuchUpload":
                raise
        self._source.ensure_unchanged()

    async def _send_whole(self, file_id: str, upload: Upload) -> None:
        first = deque([upload])

        async def url() -> Upload:
            return first.popleft() if first else (await self._refreshed(file_id)).upload or upload

        try:
            await self._put(url, 0, self._source.size)
        except StoreRefused as refusal:
            # It is there, by a try whose answer was lost. Verification tells whether it is what we have.
            if refusal.status != 412:
                raise
            self._move(self._source.size)

    async def _send_parts(self, file_id: str, plan: Multipart) -> None:
        held = Held.of(await self._api.call("GET", f"/files/{file_id}/parts")).sizes
        size = self._source.size
        parts = [
            Part(number, begin, min(plan.part_size, size - begin))
            for number, begin in enumerate(range(0, size, plan.part_size), 1)
        ]
        missing = deque(part for part in parts if held.get(part.number) != part.length)
        self._move(size - sum(part.length for part in missing))
        urls = PartUrls(self._api, file_id, missing, min(2 * self._store.parallel, MAX_URLS))

        async def work() -> None:
            while missing:
                part = missing.popleft()
                await self._put(partial(urls.of, part.number), part.begin, part.length)

        await together([work() for _ in range(min(self._store.parallel, len(missing)))])

    async def _put(self, url: Callable[[], Awaitable[Upload]], begin: int, length: int) -> None:
        """Send a range, with patience, and with another URL where the first has expired."""
        patience = self._api.patience()
        may_have_expired = True
        while True:
            try:
                return await self._put_once(await url(), begin, length)
            except StoreRefused as refusal:
                if refusal.s3_code == "BadDigest":
                    raise ContentChanged(
                        f"{self._source.path} has other content than its SHA-256 says. Upload it again."
                    ) from refusal
                if refusal.status != 403 or not may_have_expired:
                    await patience.after(refusal)
                may_have_expired = refusal.status != 403
            except ClientError as error:
                await patience.after(error)

    async def _put_once(self, upload: Upload, begin: int, length: int) -> None:
        sent = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            async for chunk in self._source.read(begin, length):
                yield chunk
                sent += len(chunk)
                self._move(len(chunk))

        try:
            await self._store.put(upload, body())
        except ClientError:
            self._move(-sent)
            raise

    def _move(self, by: int) -> None:
        self._sent += by
        if self._progress is not None:
            self._progress(self._sent, self._source.size)


@dataclass(frozen=True, slots=True)
class Part:
    """A range of the file."""

    number: int
    begin: int
    length: int


class PartUrls:
    """The URLs of parts: asked for some at a time, shortly before they are used, for they expire."""

    def __init__(self, api: Api, file_id: str, waiting: deque[Part], at_once: int) -> None:
        self._api = api
        self._path = f"/files/{file_id}/parts"
        self._waiting = waiting
        self._at_once = at_once
        self._known: dict[int, Upload] = {}
        self._asking = asyncio.Lock()

    async def of(self, number: int) -> Upload:
        """A URL for a part, another one each time."""
        async with self._asking:
            if number not in self._known:
                following = (part.number for part in self._waiting if part.number not in self._known)
                wanted = [number, *islice(following, self._at_once - 1)]
                answer = await self._api.call("POST", self._path, body={"partNumbers": wanted})
                self._known |= {part["partNumber"]: Upload.of(part) for part in answer["parts"]}
            return self._known.pop(number)
