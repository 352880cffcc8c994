"""Wait until uploads have ended. All who wait share one stream of events."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager

from waybill.client.api import Api
from waybill.client.errors import ClientError
from waybill.client.events import follow
from waybill.client.models import File

#: Seconds between two looks at a file where the server has no stream: the first pause, and the longest.
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0

#: Seconds for which a broken stream is tried again, until we look ourselves.
PATIENCE = 5.0

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
        """The file, once it is over. Raises as ``Api.call`` does."""
        if not self._is_there:
            return await self._look_until_over(file_id)
        with self._listening(file_id) as queue:
            while True:
                news = await queue.get()
                if isinstance(news, Exception):
                    return await self._look_until_over(file_id)
                file = await self._look(file_id) if news is None else news
                if file.is_over:
                    return file

    @contextmanager
    def _listening(self, file_id: str) -> Iterator[asyncio.Queue[News]]:
        queue: asyncio.Queue[News] = asyncio.Queue()
        self._waiting[queue] = file_id
        if self._is_open:
            # What happened before we listened was told to others.
            queue.put_nowait(None)
        if self._following is None:
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
