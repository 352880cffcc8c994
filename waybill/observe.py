"""How the whole of it is doing: what answers, what waits, how many files there are."""

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

#: Seconds until something that does not answer is done without.
ANSWER_TIMEOUT_SECONDS = 1.8

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Observed:
    """What could be found out; None is what could not."""

    answers: Mapping[str, bool]
    backlog: Backlog | None
    files: Mapping[Status, sums.Sum] | None


async def probe(resources: Resources) -> dict[str, bool]:
    """Which servers answer, by name."""
    answers = await asyncio.gather(
        _try(connection.check_majority()), _try(resources.storage.ping()), _try(resources.sender.ping())
    )
    return dict(zip(("mongodb", "s3", "redis"), (answered for answered, _ in answers), strict=True))


async def observe(resources: Resources) -> Observed:
    """All of it, whatever is away."""
    answers, (_, backlog), (_, files) = await asyncio.gather(
        probe(resources), _try(resources.queues.backlog()), _try(file_counts.latest_counts())
    )
    return Observed(answers, backlog, files)


async def count_files() -> None:
    """Have the files counted, should it be time: for whoever observes next."""
    try:
        if await file_counts.refresh_counts():
            log.info("files counted")
    except Exception as error:  # nobody waits for it, and others will try again
        log.warning("files not counted", error=str(error))


async def _try(question: Awaitable[T]) -> tuple[bool, T | None]:
    """Whether there was an answer, and the answer."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            return True, await question
    except Exception as error:  # whatever is wrong with a server, that it is away is the answer
        log.warning("no answer", error=str(error))
        return False, None
