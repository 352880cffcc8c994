"""Observe the service: which dependencies answer, what is queued, how many files there are."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import structlog

from waybill.files import file_counts
from waybill.files.lifecycle import Status
from waybill.files.usage import sums
from waybill.platform.mongo import connection
from waybill.platform.redis.backlog import Backlog
from waybill.resources import Resources

#: Seconds after which a dependency counts as unavailable.
ANSWER_TIMEOUT_SECONDS = 1.8

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Observed:
    """The state of the service. A value is None if its dependency did not answer."""

    answers: Mapping[str, bool]
    backlog: Backlog | None
    files: Mapping[Status, sums.Sum] | None


async def probe(resources: Resources) -> dict[str, bool]:
    """Return which dependencies answer, by name."""
    answers = await asyncio.gather(
        _try(connection.check_majority()), _try(resources.storage.ping()), _try(resources.sender.ping())
    )
    return dict(zip(("mongodb", "s3", "redis"), (answered for answered, _ in answers), strict=True))


async def observe(resources: Resources) -> Observed:
    """Return the state. Never raises if a dependency is unavailable."""
    answers, (_, backlog), (_, files) = await asyncio.gather(
        probe(resources), _try(resources.queues.backlog()), _try(file_counts.latest_counts())
    )
    return Observed(answers, backlog, files)


async def count_files() -> None:
    """Refresh the cached file counts if they are stale."""
    try:
        if await file_counts.refresh_counts():
            log.info("files counted")
    except Exception as error:  # no caller waits for it, and the next call tries again
        log.warning("files not counted", error=str(error))


async def _try(question: Awaitable[T]) -> tuple[bool, T | None]:
    """Return whether there was an answer, and the answer."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            return True, await question
    except Exception as error:  # any error means that the dependency is unavailable
        log.warning("no answer", error=str(error))
        return False, None
