"""The broker, its middleware, and the resources on the actors' event loop."""

from contextlib import AsyncExitStack
from typing import Any

import dramatiq
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import (
    AsyncIO,
    Middleware,
    MiddlewareError,
    Retries,
    ShutdownNotifications,
    TimeLimit,
)

from actors.background import Background
from actors.dead_letter import KeepTraceback
from actors.instrumentation import Instrumentation
from actors.notifying_broker import NotifyingRedisBroker, WakeConsumers
from actors.schedule import Schedule
from waybill.files.usage.keep_sums import keep_sums
from waybill.platform.settings import load_settings
from waybill.resources import Resources, open_resources, redis_client
from waybill.webhooks.consumer import consume_changes

settings = load_settings()


class OpenResources(Middleware):
    """Opens the resources of the use-cases on the event loop of the actors.

    It must come after AsyncIO, which creates the loop in its before-hook. After-hooks run in reverse order,
    so AsyncIO ends the loop after our hook.
    """

    def __init__(self) -> None:
        self.opened: Resources | None = None
        self._stack = AsyncExitStack()

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        try:
            opening = self._stack.enter_async_context(open_resources(settings, broker))
            self.opened = self._loop().run_coroutine(opening)
        except Exception as error:
            # Dramatiq ignores every other exception here, and the worker would run without resources.
            raise MiddlewareError(f"The worker cannot open its resources: {error}") from error

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self._loop().run_coroutine(self._stack.aclose())

    def _loop(self) -> Any:
        return get_event_loop_thread()


_resources = OpenResources()


def resources() -> Resources:
    """Return the resources of this worker. Actors run only after they were opened."""
    if _resources.opened is None:
        raise RuntimeError("No worker runs in this process, so no resources are open.")
    return _resources.opened


broker = NotifyingRedisBroker(
    client=redis_client(settings),
    middleware=[
        Instrumentation(),
        TimeLimit(),
        ShutdownNotifications(notify_shutdown=True),
        Retries(),
        KeepTraceback(),
        AsyncIO(),
        _resources,
        WakeConsumers(),
        Schedule(settings.sweep_interval),
        Background(resources, consume_changes, keep_sums),
    ],
    # After this many milliseconds without a heartbeat a worker counts as dead, and its messages go to
    # another. The default is a minute. A false alarm costs one message that does nothing.
    heartbeat_timeout=15_000,
    # The chance, in a million, that a poll of a queue also looks for dead workers. An idle queue is polled
    # once a second. With the default, 0.1 %, a dead worker would be detected after a quarter of an hour.
    maintenance_chance=500_000,
    # Failed jobs stay on the dashboard for a week, in milliseconds.
    dead_message_ttl=7 * 24 * 3600 * 1000,
)
dramatiq.set_broker(broker)
