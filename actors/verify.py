"""Jobs that read whole objects."""

import dramatiq
from dramatiq.middleware import Shutdown

from actors.broker import resources
from actors.outage import reconciled
from waybill.files.verify import verify_upload as verify
from waybill.platform.redis.messages import QUEUES, VERIFY_UPLOAD
from waybill.platform.settings import TIB

#: The largest value of MAX_FILE_SIZE.
MAX_FILE_BYTES = 5 * TIB

#: Slower than any working store. The read timeout of the store's client ends a stuck stream, so the time
#: limit that follows, three days, is the last resort.
MIN_BYTES_PER_SECOND = 20_000_000


def _worker_stops(_: int, error: BaseException) -> bool:
    return isinstance(error, Shutdown)


@dramatiq.actor(
    actor_name=VERIFY_UPLOAD,
    queue_name=QUEUES[VERIFY_UPLOAD],
    time_limit=MAX_FILE_BYTES * 1000 // MIN_BYTES_PER_SECOND,
    # If a worker stops, the message goes to another. Any other failure is a defect: its traceback is on the
    # dashboard as a dead letter, and the document says when the file is verified again.
    retry_when=_worker_stops,
    min_backoff=1_000,
    max_backoff=60_000,
)
async def verify_upload(file_id: str) -> None:
    """Verify an upload."""
    with reconciled():
        await verify(resources(), file_id)
