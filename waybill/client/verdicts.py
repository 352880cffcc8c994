"""Wait until uploads have ended. All who wait share one stream of events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress

from waybill.client.api import Api
from waybill.client.errors import ClientError, NotVerified
from waybill.client.events import follow
from waybill.client.models import File

#: Seconds between two looks at a file where the server has no stream: the first pause, and the longest.
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0

#: Seconds for which a broken stream is tried again, until we look ourselves.
PATIENCE = 5.0

#: Seconds for which an upload waits for the stream before it begins.
OPENING_SECONDS = 2.0

#: What a waiter is told: a change, or to look itself, or that no more will be told.
News = File | None | Exception


class Verdicts:
    """The stream, open for as long as anybody waits."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._waiting: dict[asyncio.Queue[News], str] = {}
        self._following: asyncio.Task[None] | None = None
        self._is_open = False
        self._is_there = True

    async def end_of(self, file_id: str) -> File:
        """Return the file, once it is verified.

        Raises:
            NotVerified: it ended FAILED or EXPIRED, or was deleted.
            ApiError, Unreachable: it cannot be looked at.
        """
        with self._listening(file_id) as queue:
            if self._is_open:
                # What happened before we listened was told to others.
                queue.put_nowait(None)
            return _verified(await self._end_of(file_id, queue))

    @asynccontextmanager
    async def expecting(self, file_id: str) -> AsyncIterator[Callable[[], Awaitable[File]]]:
        """Listen from before the file is completed, so that its end takes no request.

        Gives a function that does what ``end_of`` does.
        """
        with self._listening(file_id) as queue:
            if self._is_there and not self._is_open:
                # The first news is that the stream is open. No bytes wait for one that does not open.
                with suppress(TimeoutError):
                    news = await asyncio.wait_for(queue.get(), OPENING_SECONDS)
                    if news is not None:
                        queue.put_nowait(news)

            async def end() -> File:
                return _verified(await self._end_of(file_id, queue))

            yield end

    async def _end_of(self, file_id: str, queue: asyncio.Queue[News]) -> File:
        while self._is_there:
            news = await queue.get()
            if isinstance(news, Exception):
                break
            file = await self._look(file_id) if news is None else news
            if file.is_over:
                return file
        return await self._look_until_over(file_id)

    @contextmanager
    def _listening(self, file_id: str) -> Iterator[asyncio.Queue[News]]:
        queue: asyncio.Queue[News] = asyncio.Queue()
        self._waiting[queue] = file_id
        if self._following is None and self._is_there:
            self._following = asyncio.create_task(self._follow())
        try:
            yield queue
        finally:
            del self._waiting[queue]
            if not self._waiting and self._following is not None:
                self._following.cancel()
                self._end()

    async def _follow(self) -> None:
        try:
            async with aclosing(follow(self._api, None, PATIENCE)) as events:
                async for event in events:
                    self._is_open = True
                    for queue, file_id in self._waiting.items():
                        if event.file is None or event.file.id == file_id:
                            queue.put_nowait(event.file)
        # Whatever it is: nobody may wait for ever.
        except Exception as error:
            self._is_there = isinstance(error, ClientError) and error.is_temporary
            for queue in self._waiting:
                queue.put_nowait(error)
            self._end()

    def _end(self) -> None:
        """Whoever comes to wait now opens another stream."""
        self._following = None
        self._is_open = False

    async def _look(self, file_id: str) -> File:
        return File.of(await self._api.call("GET", f"/files/{file_id}"))

    async def _look_until_over(self, file_id: str) -> File:
        pause = FIRST_PAUSE
        while not (file := await self._look(file_id)).is_over:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return file


def _verified(file: File) -> File:
    if not file.is_verified:
        raise NotVerified(file)
    return file
