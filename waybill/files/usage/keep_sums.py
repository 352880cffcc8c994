"""Update sums and names in the background.

One worker at a time folds, corrects, and walks through all files.
"""

import asyncio
import secrets
import time

import structlog

from waybill.files import handover
from waybill.files.usage import sums, walk
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import lease
from waybill.platform.mongo.expressions import InSeconds
from waybill.resources import Resources

#: The lease. Renewed before each run. If a run takes longer, two workers run at once, which is harmless.
HOLDER = "sums"
LEASE_SECONDS = 15

#: Seconds between two runs. A file that changes again meanwhile is folded once, and most files pass through
#: all their statuses within this time. In a transaction MongoDB parses its catalogue again for each index of
#: each updated file, so a fold is the most expensive update of a file.
PAUSE_SECONDS = 5

#: Seconds of each run for the walk.
WALK_SECONDS = 2

log = structlog.get_logger(__name__)


async def keep_sums(resources: Resources) -> None:
    """Fold and walk while this worker holds the lease, until cancelled.

    Tries to acquire the lease every SWEEP_INTERVAL.
    """
    while True:
        try:
            await _keep_under_lease(resources)
        except ServiceUnavailable as error:
            log.warning("sums are folded later", error=error.message)
        except Exception:
            # A defect. Reads stay exact while few files are marked.
            log.exception("sums cannot be folded")
        await asyncio.sleep(resources.settings.sweep_interval)


async def keep_once(resources: Resources) -> None:
    """Fold the marked files, correct names, and walk for a while if a lap is due.

    Running twice at once is harmless: each file is folded in a transaction.
    """
    await sums.fold_marked()
    await handover.follow_names()
    began = time.monotonic()
    has_quota = resources.settings.owner_quota_bytes is not None
    while time.monotonic() - began < WALK_SECONDS and await walk.walk_on(has_quota=has_quota):
        pass


async def _keep_under_lease(resources: Resources) -> None:
    attempt = secrets.token_hex(8)
    if await lease.acquire_lease(HOLDER, attempt, LEASE_SECONDS) is None:
        return
    try:
        while await lease.update_lease(HOLDER, attempt, held_until=InSeconds(LEASE_SECONDS)):
            await keep_once(resources)
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        # The next worker need not wait until the lease ends.
        await lease.update_lease(HOLDER, attempt, held_by=None, held_until=None)
