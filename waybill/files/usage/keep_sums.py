"""Keep sums and names right: one worker at a time folds, corrects, and walks through all files."""

import asyncio
import secrets
import time

import structlog

from waybill.files import handover
from waybill.files.usage import sums, walk
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import lease
from waybill.platform.mongo.expressions import Later
from waybill.resources import Resources

#: The lease. Renewed before each run. If a run takes longer, two workers fold at once, which is harmless.
HOLDER = "sums"
LEASE_SECONDS = 15

#: Seconds between two runs. A file that changes again meanwhile is folded once.
PAUSE_SECONDS = 1

#: Seconds of a run in which files are looked through.
WALK_SECONDS = 2

log = structlog.get_logger(__name__)


async def keep_sums(resources: Resources) -> None:
    """Fold and walk whenever this is the worker to do so, until cancelled.

    Looks every SWEEP_INTERVAL whether no other worker does it.
    """
    while True:
        try:
            await _keep_in_turn(resources)
        except ServiceUnavailable as error:
            log.warning("sums are folded later", error=error.message)
        except Exception:
            # A defect. Reads stay exact as long as few files are marked.
            log.exception("sums cannot be folded")
        await asyncio.sleep(resources.settings.sweep_interval)


async def keep_once(resources: Resources) -> None:
    """Fold and correct what is marked now, and walk for a while if a lap is due.

    Running twice at once is harmless: each file is folded in a transaction.
    """
    await sums.fold_marked()
    await handover.follow_names()
    began = time.monotonic()
    has_quota = resources.settings.owner_quota_bytes is not None
    while time.monotonic() - began < WALK_SECONDS and await walk.walk_on(has_quota=has_quota):
        pass


async def _keep_in_turn(resources: Resources) -> None:
    attempt = secrets.token_hex(8)
    if await lease.acquire_lease(HOLDER, attempt, LEASE_SECONDS) is None:
        return
    try:
        while await lease.update_lease(HOLDER, attempt, held_until=Later(LEASE_SECONDS)):
            await keep_once(resources)
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        # The next worker need not wait until the lease ends.
        await lease.update_lease(HOLDER, attempt, held_by=None, held_until=None)
