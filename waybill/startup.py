"""Wait at start until the servers answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from waybill import indexes
from waybill.platform.mongo import connection
from waybill.resources import Resources

#: Seconds for one check of a server.
CHECK_TIMEOUT_SECONDS = 5

#: The first pause between two checks, and the longest. The pause doubles.
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5

#: Seconds between two log lines of the same server and the same reason.
LOG_INTERVAL_SECONDS = 60

log = structlog.get_logger(__name__)


class NotInitialisedError(Exception):
    """Raised if indexes are missing, as they are until `waybill init` has run."""


async def wait_for_servers(resources: Resources) -> None:
    """Return once MongoDB with its indexes, the bucket and Redis answer. Logs what it waits for, and why."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_wait_for("mongodb", _check_database))
        group.create_task(_wait_for("s3", resources.storage.ping))
        group.create_task(_wait_for("redis", resources.sender.ping))


async def _check_database() -> None:
    await connection.database_time()
    if missing := await indexes.missing_indexes():
        raise NotInitialisedError(f"Indexes are missing, run `waybill init`: {', '.join(missing)}.")


async def _wait_for(dependency: str, check: Callable[[], Awaitable[object]]) -> None:
    began = time.monotonic()
    logged_at, logged = 0.0, ""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                await check()
            break
        except Exception as error:  # any error means that the server is not ready
            reason, cause = str(error), str(error.__cause__ or "")
            now = time.monotonic()
            if reason != logged or now - logged_at >= LOG_INTERVAL_SECONDS:
                logged_at, logged = now, reason
                log.warning("waiting for a dependency", dependency=dependency, error=reason, cause=cause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    if logged:
        log.info("dependency available", dependency=dependency, seconds=round(time.monotonic() - began, 1))
