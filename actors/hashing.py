"""Jobs that read whole objects."""

import dramatiq

from actors.broker import resources
from actors.outage import reconciled
from waybill.messages import QUEUES, VERIFY_UPLOAD
from waybill.usecases.verify import verify_upload as verify


@dramatiq.actor(
    actor_name=VERIFY_UPLOAD,
    queue_name=QUEUES[VERIFY_UPLOAD],
    # The largest object at a slow 10 MB/s takes nine minutes, a busy store several times that. A stuck
    # stream is cut by the store client's read timeout; this is the last resort.
    time_limit=2 * 3600 * 1000,
    # For defects, as an outage ends the job quietly. Then the traceback stays on the dashboard as a dead
    # letter, and the reconciler sends a new message for as long as the file is PROCESSING: giving up here
    # loses nothing.
    max_retries=3,
    min_backoff=1_000,
    max_backoff=60_000,
)
async def verify_upload(file_id: str) -> None:
    """Verify what arrived for a file."""
    with reconciled():
        await verify(resources(), file_id)
