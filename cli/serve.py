"""The parts alone: API, worker, and what they need to be there first."""

import asyncio
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from tempfile import TemporaryDirectory

import structlog
import uvicorn
import uvloop
from dramatiq.brokers.redis import RedisBroker
from starlette.applications import Starlette

from api.body import MAX_BODY_BYTES
from cli.http_protocol import LimitedHttpProtocol
from cli.worker_metrics import serve_metrics
from waybill import indexes
from waybill.platform import tracing
from waybill.platform.logging import configure_logs
from waybill.platform.redis.client import refuse_cluster
from waybill.platform.settings import Settings, load_api_settings, load_settings
from waybill.resources import open_resources, open_storage_and_database
from waybill.startup import wait_for_servers

#: Seconds that running requests and jobs get once a stop is asked for. Jobs that take longer are cancelled
#: and handed back to the queue.
GRACE_SECONDS = 10

#: Seconds that an idle connection stays open. Longer than clients and proxies keep theirs, which is up to a
#: minute: else a request meets the close now and then, and nobody knows whether it was begun.
KEEP_ALIVE = 75

#: Seconds until a worker that waits for its servers notices that it is asked to stop.
STOP_POLL_SECONDS = 0.1

log = structlog.get_logger(__name__)


async def initialise(
    settings: Settings, bucket_origins: Sequence[str] | None = None, *, drop_old_indexes: bool = False
) -> None:
    """Create the indexes, the bucket and its CORS rules; harmless where they are there already.

    Pages of ``bucket_origins``, by default those of CORS_ORIGINS, may use the bucket's presigned URLs.

    Raises:
        InitError: the database does not admit an index.
        ServiceUnavailable: MongoDB or the store is away.
    """
    await asyncio.to_thread(refuse_cluster, settings.redis_url.get_secret_value())
    async with open_storage_and_database(settings) as storage:
        await indexes.create_indexes(drop_old=drop_old_indexes)
        origins = settings.cors_origins if bucket_origins is None else bucket_origins
        await storage.create_bucket(settings.s3_region, origins)


def create_served_app() -> Starlette:
    """The application of one API process."""
    from api.app import create_app

    settings = load_api_settings()
    configure_logs(settings.log_level)
    tracing.start("waybill-api")
    return create_app(settings)


def run_api(host: str, port: int, processes: int, max_connections: int) -> None:
    """Serve HTTP until SIGTERM or Ctrl-C.

    Each process refuses connections beyond `max_connections` with 503.

    Raises:
        SettingsError: it cannot start; raised once, here, and not by every process.
    """
    # Uvicorn raises the signal once more when all is answered. A stop in order is no death by a signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = load_api_settings()
    refuse_cluster(settings.redis_url.get_secret_value())
    asyncio.run(_prove_settings(settings))
    _allow_connections()
    with _counting_together() if processes > 1 else nullcontext():
        uvicorn.run(
            "cli.serve:create_served_app",
            factory=True,
            host=host,
            port=port,
            workers=processes,
            log_config=None,
            access_log=False,
            http=LimitedHttpProtocol,
            # Of connections. Uvicorn counts requests by the same number, and never comes to it.
            limit_concurrency=max_connections + 1,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            # As much as a request's body, and uncompressed: a compressor takes more memory than all else that
            # an idle WebSocket needs.
            ws_max_size=MAX_BODY_BYTES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )


@contextmanager
def _counting_together() -> Iterator[None]:
    """Let the processes that are started meanwhile count in one place, for whichever answers tells for all.

    prometheus-client looks there when it is imported, which they do anew.
    """
    with TemporaryDirectory(prefix="waybill-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _allow_connections() -> None:
    """As many as this process may have: it begins with 1024, and each who follows files holds one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _prove_settings(settings: Settings) -> None:
    """Open the clients once. A server that is away is no error: the API answers all the same."""
    async with open_storage_and_database(settings):
        pass


def run_worker(threads: int, queues: list[str] | None, metrics_at: tuple[str, int] | None) -> None:
    """Process messages until SIGTERM or Ctrl-C, in this process; metrics may be collected at ``metrics_at``.

    Dramatiq's own command line forks workers and ends them all when one dies; one process that is watched
    from outside is simpler to supervise and to scale.

    Waits until the servers answer, and fetches nothing before.

    Raises:
        SettingsError: it cannot start.
    """
    settings = load_settings()
    configure_logs(settings.log_level)
    refuse_cluster(settings.redis_url.get_secret_value())
    if metrics_at is not None:
        serve_metrics(*metrics_at, settings)
    tracing.start("waybill-worker")
    # Dramatiq's event loop is whatever is new by default, and the loop that reads objects decides how fast.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    from dramatiq import Worker
    from dramatiq.middleware import MiddlewareError

    from actors import broker

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    asyncio.run(_wait_for_servers(settings, broker, stop))
    if not stop.is_set():
        worker = Worker(
            broker,
            queues=set(queues) if queues else None,
            worker_threads=threads,
        )
        # Messages of one queue. Dramatiq would fetch twice as many as there are threads: those fetched ahead
        # wait here while other workers are idle, and after a kill until they are missed.
        worker.queue_prefetch = threads
        try:
            worker.start()
        except MiddlewareError as error:
            # The event loop's thread runs already, and would keep this process alive.
            broker.emit_after("worker_shutdown", worker)
            raise error.__cause__ or error from None
        log.info("worker ready", queues=queues or "all", threads=threads)
        stop.wait()
        worker.stop(timeout=GRACE_SECONDS * 1000)
    broker.close()
    tracing.stop()


async def _wait_for_servers(settings: Settings, broker: RedisBroker, stop: threading.Event) -> None:
    """Return once all servers answer, or a stop is asked for."""
    async with open_resources(settings, broker) as resources:
        waiting = asyncio.create_task(wait_for_servers(resources))
        # A signal's handler cannot wake the event loop.
        while not waiting.done() and not stop.is_set():
            await asyncio.wait([waiting], timeout=STOP_POLL_SECONDS)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
