"""Jobs that remove objects."""

import dramatiq

from actors.broker import resources
from actors.outage import reconciled
from waybill.files.purge import purge_objects
from waybill.platform.redis.messages import PURGE_OBJECT, QUEUES


@dramatiq.actor(
    actor_name=PURGE_OBJECT,
    queue_name=QUEUES[PURGE_OBJECT],
    # One DELETE and two updates, of a hundred files at most. A store that needs longer is down.
    time_limit=60_000,
    # After these retries the job is a dead letter, and the reconciler sends another.
    max_retries=3,
    min_backoff=1_000,
    max_backoff=60_000,
)
async def purge_object(*file_ids: str) -> None:
    """Remove the objects of some files from the bucket."""
    with reconciled():
        await purge_objects(resources(), file_ids)
