"""The background tasks of every worker, on the actors' event loop."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware

from waybill.resources import Resources

#: Seconds until a task that was cancelled and still runs is cancelled again.
CANCEL_AGAIN_SECONDS = 2


class Background(Middleware):
    """Runs loops from the start of a worker to its end.

    By a lease in MongoDB one worker at a time does the work. It stops before the worker's jobs, so that
    another worker takes over while they end.
    """

    def __init__(
        self,
        resources: Callable[[], Resources],
        *loops: Callable[[Resources], Coroutine[Any, Any, None]],
    ) -> None:
        self._resources = resources
        self._loops = loops
        self._running: list[asyncio.Task[None]] = []

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        self._run(self._start())

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self._run(self._stop())

    async def _start(self) -> None:
        self._running = [asyncio.create_task(loop(self._resources())) for loop in self._loops]

    async def _stop(self) -> None:
        while running := [task for task in self._running if not task.done()]:
            # Repeated, because a driver may lose a cancellation, and a worker must stop.
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)

    @staticmethod
    def _run(coroutine: Any) -> None:
        loop: Any = get_event_loop_thread()
        loop.run_coroutine(coroutine)
