"""The follower of the feed of changes, on the actors' event loop."""

import asyncio
from collections.abc import Callable
from typing import Any

from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware

from waybill.resources import Resources
from waybill.usecases.tell_webhooks import tell_webhooks


class TellWebhooks(Middleware):
    """Every worker is ready to follow; a lease in MongoDB lets one of them do so.

    Stops before the worker's jobs do, so that another takes over while they end.
    """

    def __init__(self, resources: Callable[[], Resources]) -> None:
        self._resources = resources
        self._following: asyncio.Task[None] | None = None

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        self._run(self._start())

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self._run(self._stop())

    async def _start(self) -> None:
        self._following = asyncio.create_task(tell_webhooks(self._resources()))

    async def _stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    @staticmethod
    def _run(coroutine: Any) -> None:
        loop: Any = get_event_loop_thread()
        loop.run_coroutine(coroutine)
