"""The sweepers: statuses that time alone moves, and jobs that were lost."""

from collections.abc import Awaitable, Callable

import dramatiq
import structlog

from actors.broker import resources
from waybill.errors import ServiceUnavailable
from waybill.messages import EXPIRE_UPLOADS, QUEUES, RECONCILE
from waybill.resources import Resources
from waybill.usecases import expire
from waybill.usecases import reconcile as lost_jobs

log = structlog.get_logger(__name__)

# A batch takes seconds; past this the run hangs, and the next tick does its work.
TIME_LIMIT = 5 * 60_000
# The next tick is the retry, and it is never more than an interval away.
NO_RETRIES = 0


@dramatiq.actor(
    actor_name=EXPIRE_UPLOADS,
    queue_name=QUEUES[EXPIRE_UPLOADS],
    time_limit=TIME_LIMIT,
    max_retries=NO_RETRIES,
)
async def expire_uploads() -> None:
    """Give up on uploads that nobody completed."""
    await _sweep(expire.expire_uploads)


@dramatiq.actor(
    actor_name=RECONCILE, queue_name=QUEUES[RECONCILE], time_limit=TIME_LIMIT, max_retries=NO_RETRIES
)
async def reconcile() -> None:
    """Send again what was lost between the database and the queue."""
    await _sweep(lost_jobs.reconcile)


async def _sweep(run: Callable[[Resources], Awaitable[int]]) -> None:
    try:
        await run(resources())
    except ServiceUnavailable as error:
        # An outage is not a failed job: a dead letter for each tick of it would bury the real ones.
        log.warning("sweep cut short, the next tick goes on", error=error.message)
