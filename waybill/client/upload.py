"""Send the bytes of a file, by one PUT or in parts. Stored parts are not sent again."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice

from waybill.client.api import Api
from waybill.client.batching import Batcher
from waybill.client.errors import ClientError, ContentChanged, ObjectMissing, PartsMissing, StoreRefused
from waybill.client.local_file import LocalFile, Progress
from waybill.client.models import File, Multipart, StoredParts, Upload, UploadGrant
from waybill.client.store import Store
from waybill.client.tasks import run_all
from waybill.platform.s3.error_codes import UPLOAD_GONE

#: How often an upload is sent, if the store no longer has the bytes when it is completed.
MAX_ATTEMPTS = 3

#: The API's limit of part URLs in one request.
MAX_PART_URLS = 100

#: Files that are open at the same time. Some systems limit a process to 256.
MAX_OPEN_FILES = 128


class Uploader:
    """Sends one file until the API accepts it as complete."""

    def __init__(
        self, api: Api, store: Store, completions: Batcher, source: LocalFile, progress: Progress | None
    ) -> None:
        self._api = api
        self._completions = completions
        self._store = store
        self._local_file = source
        self._progress = progress
        self._sent = 0

    async def send(self, grant: UploadGrant) -> File:
        """Send the content that a grant asks for, and complete the upload.

        Raises:
            ContentChanged, StoreRefused: the bytes are not the requested ones, or the store refuses them.
            Unreachable, ApiError: ``resume`` can continue the upload later.
        """
        self._ensure_fits(grant.file)
        for _ in range(MAX_ATTEMPTS):
            await self._send(grant)
            try:
                return await self._complete(grant)
            except (ObjectMissing, PartsMissing) as missing:
                error = missing
            grant = await self._refreshed(grant.file.id)
        raise error

    async def resume(self, file_id: str) -> File:
        """Send the missing bytes of an upload. Raises what ``send`` raises."""
        try:
            # If all bytes have arrived, nothing must be sent.
            file = File.from_json(await self._completions.call(file_id))
        except (ObjectMissing, PartsMissing):
            return await self.send(await self._refreshed(file_id))
        self._move(self._local_file.size)
        return file

    async def _complete(self, grant: UploadGrant) -> File:
        file_id = grant.file.id
        if grant.multipart is not None:
            # Not in a batch, because the store may need long to combine the parts, and other files would
            # wait.
            return File.from_json(await self._api.call("POST", f"/files/{file_id}/complete"))
        return File.from_json(await self._completions.call(file_id))

    async def _refreshed(self, file_id: str) -> UploadGrant:
        return UploadGrant.from_json(await self._api.call("POST", f"/files/{file_id}/upload-url"))

    def _ensure_fits(self, file: File) -> None:
        if file.size != self._local_file.size:
            raise ContentChanged(
                f"{self._local_file.path} has {self._local_file.size} bytes, but the upload was requested "
                f"for {file.size}. Upload it again."
            )

    async def _send(self, grant: UploadGrant) -> None:
        self._move(-self._sent)
        try:
            if grant.multipart is not None:
                await self._send_parts(grant.file.id, grant.multipart)
            elif grant.upload is not None:
                await self._send_whole(grant.file.id, grant.upload)
        except StoreRefused as refusal:
            # The store has aborted the multipart upload. Completing it makes the API start a new one.
            if refusal.s3_code not in UPLOAD_GONE:
                raise
        self._local_file.ensure_unchanged()

    async def _send_whole(self, file_id: str, upload: Upload) -> None:
        first = deque([upload])

        async def url() -> Upload:
            return first.popleft() if first else (await self._refreshed(file_id)).upload or upload

        try:
            await self._put(url, 0, self._local_file.size)
        except StoreRefused as refusal:
            # An earlier try stored the object, but its response was lost. Verification checks the content.
            if refusal.status != 412:
                raise
            self._move(self._local_file.size)

    async def _send_parts(self, file_id: str, plan: Multipart) -> None:
        held = StoredParts.from_json(await self._api.call("GET", f"/files/{file_id}/parts")).sizes
        size = self._local_file.size
        parts = [
            Part(number, begin, min(plan.part_size, size - begin))
            for number, begin in enumerate(range(0, size, plan.part_size), 1)
        ]
        missing = deque(part for part in parts if held.get(part.number) != part.length)
        self._move(size - sum(part.length for part in missing))
        urls = PartUrls(self._api, file_id, missing, min(2 * self._store.parallel, MAX_PART_URLS))

        async def work() -> None:
            while missing:
                part = missing.popleft()
                await self._put(partial(urls.get, part.number), part.begin, part.length)

        await run_all([work() for _ in range(min(self._store.parallel, len(missing)))])

    async def _put(self, url: Callable[[], Awaitable[Upload]], begin: int, length: int) -> None:
        """Send a range, with retries, and with a new URL if the first has expired."""
        retry = self._api.new_retry()
        may_have_expired = True
        while True:
            try:
                return await self._put_once(await url(), begin, length)
            except StoreRefused as refusal:
                if refusal.is_wrong_content:
                    raise ContentChanged(
                        f"{self._local_file.path} has other content than its SHA-256 says. Upload it again."
                    ) from refusal
                if refusal.status != 403 or not may_have_expired:
                    await retry.wait_after(refusal)
                may_have_expired = refusal.status != 403
            except ClientError as error:
                await retry.wait_after(error)

    async def _put_once(self, upload: Upload, begin: int, length: int) -> None:
        sent = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            async for chunk in self._local_file.read(begin, length):
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
            self._progress(self._sent, self._local_file.size)


@dataclass(frozen=True, slots=True)
class Part:
    """A range of the file."""

    number: int
    begin: int
    length: int


class PartUrls:
    """The URLs of parts. They expire, so some at a time are requested shortly before they are used."""

    def __init__(self, api: Api, file_id: str, pending: deque[Part], batch_size: int) -> None:
        self._api = api
        self._path = f"/files/{file_id}/parts"
        self._pending = pending
        self._batch_size = batch_size
        self._known: dict[int, Upload] = {}
        self._lock = asyncio.Lock()

    async def get(self, number: int) -> Upload:
        """Return a URL for a part. Each call returns a new URL."""
        async with self._lock:
            if number not in self._known:
                following = (part.number for part in self._pending if part.number not in self._known)
                wanted = [number, *islice(following, self._batch_size - 1)]
                answer = await self._api.call("POST", self._path, body={"partNumbers": wanted})
                self._known |= {part["partNumber"]: Upload.from_json(part) for part in answer["parts"]}
            return self._known.pop(number)
