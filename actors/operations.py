"""Jobs that work on whole folders."""

import dramatiq

from actors.broker import resources
from actors.outage import reconciled
from waybill.files.operations.run import run_operation as run
from waybill.platform.redis.messages import QUEUES, RUN_OPERATION


@dramatiq.actor(
    actor_name=RUN_OPERATION,
    queue_name=QUEUES[RUN_OPERATION],
    # A job takes a second, and one more step of up to a hundred deletions.
    time_limit=60_000,
    # A message is valid for one attempt. If the job fails, the operation stays due, and the reconciler sends
    # another.
    max_retries=0,
)
async def run_operation(operation_id: str, attempt: str) -> None:
    """Carry out some steps of an operation."""
    with reconciled():
        await run(resources(), operation_id, attempt)
