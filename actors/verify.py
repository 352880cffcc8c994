"""Jobs that read whole objects."""

import dramatiq
from dramatiq.middleware import Shutdown

from actors.broker import resources
from actors.outage import reconciled
from waybill.files.verify import verify_upload as verify
from waybill.platform.redis.messages import QUEUES, VERIFY_UPLOAD
from waybill.platform.settings import TIB

#: Bytes. The most that MAX_FILE_SIZE may be.
MAX_FILE_BYTES = 5 * TIB

#: Bytes a second: far below what a store gives that is merely slow or busy. A stuck stream is cut by the
#: store client's read timeout, so the time limit that follows, three days, is the last resort.
MIN_BYTES_PER_SECOND = 20_000_000


def _worker_stops(_: int, error: BaseException) -> bool:
    return isinstance(error, Shutdown)


@dramatiq.actor(
    actor_name=VERIFY_UPLOAD,
    queue_name=QUEUES[VERIFY_UPLOAD],
    time_limit=MAX_FILE_BYTES * 1000 // MIN_BYTES_PER_SECOND,
    # Of a worker that stops the message goes to another. Any other failure is a defect: its traceback stays
    # on the dashboard as a dead letter, and the document says when the file is verified again.
    retry_when=_worker_stops,
    min_backoff=1_000,
    max_backoff=60_000,
)
async def verify_upload(file_id: str) -> None:
    """Verify what arrived for a file."""
    with reconciled():
        await verify(resources(), file_id)
