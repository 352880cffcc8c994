"""Run the API or a worker, and create what they need first."""

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

#: How long running requests and jobs may take after a stop is requested. Longer jobs are cancelled and
#: requeued.
GRACE_SECONDS = 10

#: How long an idle connection stays open. Clients and proxies close theirs after at most a minute. If the
#: server closed first, a request could arrive during the close, and its client could not know whether it was
#: processed.
KEEP_ALIVE_SECONDS = 75

#: How often a worker that waits for its servers checks whether a stop was requested.
STOP_POLL_SECONDS = 0.1

log = structlog.get_logger(__name__)


async def initialise(
    settings: Settings, bucket_origins: Sequence[str] | None = None, *, drop_old_indexes: bool = False
) -> list[str]:
    """Create the indexes, the bucket and its CORS rules. Existing ones stay.

    Args:
        bucket_origins: origins whose pages may use presigned URLs; by default those of CORS_ORIGINS.
        drop_old_indexes: also drop indexes that only earlier releases use.

    Returns:
        What the store did not do, one sentence each.

    Raises:
        InitError: an index cannot be created.
        ServiceUnavailable: MongoDB or the store is unavailable.
    """
    await asyncio.to_thread(refuse_cluster, settings.redis_url.get_secret_value())
    async with open_storage_and_database(settings) as storage:
        await indexes.create_indexes(drop_old=drop_old_indexes)
        origins = settings.cors_origins if bucket_origins is None else bucket_origins
        return await storage.create_bucket(settings.s3_region, origins)


def create_served_app() -> Starlette:
    """Create the application of one API process."""
    from api.app import create_app

    settings = load_api_settings()
    configure_logs(settings.log_level)
    tracing.start("waybill-api")
    return create_app(settings)


def run_api(host: str, port: int, processes: int, max_connections: int) -> None:
    """Serve HTTP until SIGTERM or Ctrl-C.

    Each process refuses connections beyond `max_connections` with 503.

    Raises:
        SettingsError: a setting is wrong. It is raised here, once, and not by every process.
    """
    # After a graceful stop Uvicorn raises the signal again, which would end the process by the signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = load_api_settings()
    refuse_cluster(settings.redis_url.get_secret_value())
    asyncio.run(_check_settings(settings))
    _raise_file_limit()
    with _shared_metrics() if processes > 1 else nullcontext():
        uvicorn.run(
            "cli.serve:create_served_app",
            factory=True,
            host=host,
            port=port,
            workers=processes,
            log_config=None,
            access_log=False,
            http=LimitedHttpProtocol,
            # Limits connections. Uvicorn limits requests by the same number, which they cannot reach.
            limit_concurrency=max_connections + 1,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            # The same limit as for a request's body. Uncompressed, because a compressor needs more memory
            # than everything else of an idle WebSocket.
            ws_max_size=MAX_BODY_BYTES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """Let processes started in this context share their metrics: any of them answers for all.

    prometheus-client reads the variable when it is imported, and each process imports it anew.
    """
    with TemporaryDirectory(prefix="waybill-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _raise_file_limit() -> None:
    """Raise the limit of open files to the maximum: the default is 1024, and each connection needs one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _check_settings(settings: Settings) -> None:
    """Open the clients once, to find wrong settings. An unavailable server is not an error."""
    async with open_storage_and_database(settings):
        pass


def run_worker(threads: int, queues: list[str] | None, metrics_at: tuple[str, int] | None) -> None:
    """Process jobs in this process until SIGTERM or Ctrl-C. Serve metrics at ``metrics_at``, if given.

    Dramatiq's own command line forks workers and ends all of them when one dies. A single process is simpler
    to supervise and to scale.

    Fetches no job before all servers answer.

    Raises:
        SettingsError: a setting is wrong.
    """
    settings = load_settings()
    configure_logs(settings.log_level)
    refuse_cluster(settings.redis_url.get_secret_value())
    if metrics_at is not None:
        serve_metrics(*metrics_at, settings)
    tracing.start("waybill-worker")
    # Dramatiq creates its event loop by the default policy. uvloop reads objects faster.
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
        # Per queue. Dramatiq would prefetch twice as many messages as there are threads. Prefetched messages
        # wait here while other workers are idle and, after a kill, until the broker requeues them.
        worker.queue_prefetch = threads
        try:
            worker.start()
        except MiddlewareError as error:
            # The thread of the event loop already runs, and would prevent the process from ending.
            broker.emit_after("worker_shutdown", worker)
            raise error.__cause__ or error from None
        log.info("worker ready", queues=queues or "all", threads=threads)
        stop.wait()
        worker.stop(timeout=GRACE_SECONDS * 1000)
    broker.close()
    tracing.stop()


async def _wait_for_servers(settings: Settings, broker: RedisBroker, stop: threading.Event) -> None:
    """Return when all servers answer, or when a stop is requested."""
    async with open_resources(settings, broker) as resources:
        waiting = asyncio.create_task(wait_for_servers(resources))
        # A signal's handler cannot wake the event loop.
        while not waiting.done() and not stop.is_set():
            await asyncio.wait([waiting], timeout=STOP_POLL_SECONDS)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
