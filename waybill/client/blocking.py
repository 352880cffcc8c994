"""The client for code without asyncio. Its methods block."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from waybill.client.api import Token
from waybill.client.client import AsyncClient
from waybill.client.observer import Observer

P = ParamSpec("P")
R = TypeVar("R")


def _returning(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate["Client", P], R]:
    @wraps(method)
    def call(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._run(method(self._client, *args, **kwargs))

    return call


def _iterating(
    method: Callable[Concatenate[AsyncClient, P], AsyncGenerator[R, None]],
) -> Callable[Concatenate["Client", P], Iterator[R]]:
    @wraps(method)
    def call(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        items = method(self._client, *args, **kwargs)
        try:
            while True:
                try:
                    yield self._run(_next(items))
                except StopAsyncIteration:
                    return
        finally:
            self._run(_close(items))

    return call


async def _next(items: AsyncGenerator[R, None]) -> R:
    return await anext(items)


async def _close(items: AsyncGenerator[Any, None]) -> None:
    await items.aclose()


class Client:
    """``AsyncClient`` without asyncio. See there for the arguments and methods.

    Use it as a context, or call ``close``. Threads may share it. Callbacks run in another thread.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        retry_seconds: float = 60,
        parallel: int = 4,
        max_rate: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._client = AsyncClient(
            url, token, retry_seconds=retry_seconds, parallel=parallel, max_rate=max_rate, observer=observer
        )
        # A separate event loop, so that it also works if one is running, as in a notebook.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="waybill-client", daemon=True)
        self._thread.start()
        self._run(self._client.__aenter__())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Safe to repeat."""
        if not self._loop.is_closed():
            self._run(self._client.__aexit__(None, None, None))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    upload = _returning(AsyncClient.upload)
    upload_many = _iterating(AsyncClient.upload_many)
    request_upload = _returning(AsyncClient.request_upload)
    send = _returning(AsyncClient.send)
    resume = _returning(AsyncClient.resume)
    wait = _returning(AsyncClient.wait)
    get = _returning(AsyncClient.get)
    files = _iterating(AsyncClient.files)
    count = _returning(AsyncClient.count)
    download = _returning(AsyncClient.download)
    content = _iterating(AsyncClient.content)
    update = _returning(AsyncClient.update)
    delete = _returning(AsyncClient.delete)
    move_folder = _returning(AsyncClient.move_folder)
    delete_folder = _returning(AsyncClient.delete_folder)
    operation = _returning(AsyncClient.operation)
    restore = _returning(AsyncClient.restore)
    usage = _returning(AsyncClient.usage)
    events = _iterating(AsyncClient.events)

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C interrupts this thread and not the loop's.
            future.cancel()
            raise
