"""Jobs that read whole objects."""

import dramatiq

from actors.broker import resources
from actors.outage import reconciled
from waybill.messages import QUEUES, VERIFY_UPLOAD
from waybill.settings import TIB
from waybill.usecases.verify import verify_upload as verify

#: Bytes. The most that MAX_FILE_SIZE may be.
LARGEST = 5 * TIB

#: Bytes a second: far below what a store gives that is merely slow or busy. A stuck stream is cut by the
#: store client's read timeout, so the time limit that follows, three days, is the last resort.
SLOWEST = 20_000_000


@dramatiq.actor(
    actor_name=VERIFY_UPLOAD,
    queue_name=QUEUES[VERIFY_UPLOAD],
    time_limit=LARGEST * 1000 // SLOWEST,
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
