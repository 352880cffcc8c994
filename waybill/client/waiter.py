"""Wait until uploads have ended. All calls share one stream of events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress

from waybill.client.api import Api
from waybill.client.errors import ClientError, NotVerified
from waybill.client.events import follow
from waybill.client.models import File

#: The pauses between two requests for a file, if the server has no stream: the first, and the longest.
FIRST_PAUSE_SECONDS = 0.05
MAX_PAUSE_SECONDS = 2.0

#: How long a broken stream is retried before files are polled.
STREAM_RETRY_SECONDS = 5.0

#: How long an upload waits for the stream to open.
OPEN_TIMEOUT_SECONDS = 2.0

#: What the stream sends to a call: a changed file, None to request the file, or the error that ended the
#: stream.
Notice = File | None | Exception


class Waiter:
    """Waits for files. The stream is open while a call waits."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._queues: dict[asyncio.Queue[Notice], str] = {}
        self._following: asyncio.Task[None] | None = None
        self._is_open = False
        self._is_available = True

    async def end_of(self, file_id: str) -> File:
        """Return the file when it is verified.

        Raises:
            NotVerified: it ended FAILED or EXPIRED, or was deleted.
            ApiError, Unreachable: the file cannot be requested.
        """
        with self._listening(file_id) as queue:
            if self._is_open:
                # The stream may have sent the change before this call.
                queue.put_nowait(None)
            return _verified(await self._end_of(file_id, queue))

    @asynccontextmanager
    async def listen(self, file_id: str) -> AsyncIterator[Callable[[], Awaitable[File]]]:
        """Listen before the file is completed, so that its end needs no request.

        Yields a function that does what ``end_of`` does.
        """
        with self._listening(file_id) as queue:
            if self._is_available and not self._is_open:
                # The first notice says that the stream is open. The upload starts even if it does not open.
                with suppress(TimeoutError):
                    notice = await asyncio.wait_for(queue.get(), OPEN_TIMEOUT_SECONDS)
                    if notice is not None:
                        queue.put_nowait(notice)

            async def end() -> File:
                return _verified(await self._end_of(file_id, queue))

            yield end

    async def _end_of(self, file_id: str, queue: asyncio.Queue[Notice]) -> File:
        while self._is_available:
            notice = await queue.get()
            if isinstance(notice, Exception):
                break
            file = await self._get(file_id) if notice is None else notice
            if file.is_over:
                return file
        return await self._poll(file_id)

    @contextmanager
    def _listening(self, file_id: str) -> Iterator[asyncio.Queue[Notice]]:
        queue: asyncio.Queue[Notice] = asyncio.Queue()
        self._queues[queue] = file_id
        if self._following is None and self._is_available:
            self._following = asyncio.create_task(self._follow())
        try:
            yield queue
        finally:
            del self._queues[queue]
            if not self._queues and self._following is not None:
                self._following.cancel()
                self._end()

    async def _follow(self) -> None:
        try:
            async with aclosing(follow(self._api, None, STREAM_RETRY_SECONDS)) as events:
                async for event in events:
                    self._is_open = True
                    for queue, file_id in self._queues.items():
                        if event.file is None or event.file.id == file_id:
                            queue.put_nowait(event.file)
        # Any error, because a call must not wait forever.
        except Exception as error:
            self._is_available = isinstance(error, ClientError) and error.is_temporary
            for queue in self._queues:
                queue.put_nowait(error)
            self._end()

    def _end(self) -> None:
        """Forget the stream: the next call opens another one."""
        self._following = None
        self._is_open = False

    async def _get(self, file_id: str) -> File:
        return File.from_json(await self._api.call("GET", f"/files/{file_id}"))

    async def _poll(self, file_id: str) -> File:
        pause = FIRST_PAUSE_SECONDS
        while not (file := await self._get(file_id)).is_over:
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
        return file


def _verified(file: File) -> File:
    if not file.is_verified:
        raise NotVerified(file)
    return file
