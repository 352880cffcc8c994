"""The sweepers: they expire uploads, and send lost jobs again."""

import dramatiq

from actors.broker import resources
from actors.outage import reconciled
from waybill.files.expire import expire_uploads as expire
from waybill.platform.redis.messages import EXPIRE_UPLOADS, QUEUES, RECONCILE
from waybill.reconcile import reconcile as send_again

# A run takes seconds, or a few minutes if each of its files is of another owner with a quota. After this
# limit it counts as stuck, and the next tick does its work.
TIME_LIMIT_MS = 5 * 60_000
# The next tick is the retry, within one interval.
NO_RETRIES = 0


@dramatiq.actor(
    actor_name=EXPIRE_UPLOADS,
    queue_name=QUEUES[EXPIRE_UPLOADS],
    time_limit=TIME_LIMIT_MS,
    max_retries=NO_RETRIES,
)
async def expire_uploads() -> None:
    """Expire uploads that were not completed in time."""
    with reconciled():
        await expire()


@dramatiq.actor(
    actor_name=RECONCILE, queue_name=QUEUES[RECONCILE], time_limit=TIME_LIMIT_MS, max_retries=NO_RETRIES
)
async def reconcile() -> None:
    """Send jobs that were lost between the database and the queue, and jobs whose retry is due."""
    with reconciled():
        await send_again(resources())
