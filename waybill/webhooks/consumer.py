"""Read the feed of changes for the webhooks: one worker at a time, and nobody while there is no webhook."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import structlog

from waybill.events import change_stream
from waybill.events.change_stream import Change, HistoryLostError
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import lease
from waybill.platform.mongo.expressions import Later
from waybill.resources import Resources
from waybill.webhooks import repository
from waybill.webhooks.fanout import fan_out

LEASE_NAME = "webhooks"

#: Seconds that the follower may be silent before another takes over. Renewed four times as often.
LEASE_SECONDS = 15

#: Seconds between two notes of how far the feed was read. What is read again makes nothing twice.
CHECKPOINT_SECONDS = 1

#: Changes that are announced together, and seconds within which one must follow the other for that.
MAX_BATCH_CHANGES = 200
BATCH_GAP_SECONDS = 0.005

#: How often, and how many seconds apart, MongoDB must say that it has forgotten, before that is believed: it
#: may be on its way up or down.
MAX_HISTORY_LOST = 3
PAUSE_SECONDS = 1

#: Seconds until a task that was cancelled and goes on is cancelled again.
CANCEL_AGAIN_SECONDS = 2

log = structlog.get_logger(__name__)


async def consume_changes(resources: Resources) -> None:
    """Tell webhooks of changes whenever this is the worker to do so, until cancelled.

    Looks every SWEEP_INTERVAL whether there is an enabled webhook and nobody reads for it.
    """
    while True:
        try:
            await _consume_under_lease(resources)
        except ServiceUnavailable as error:
            log.warning("webhooks are told later", error=error.message)
        except Exception:
            # A defect. What was not announced is read again, and may pass by then.
            log.exception("changes cannot be announced")
        await asyncio.sleep(resources.settings.sweep_interval)


async def _consume_under_lease(resources: Resources) -> None:
    """Read for as long as the lease is ours and there is an enabled webhook, which may be not at all."""
    earliest = await repository.find_earliest()
    if earliest is None:
        return
    attempt = secrets.token_hex(8)
    follower = await lease.acquire_lease(LEASE_NAME, attempt, LEASE_SECONDS)
    if follower is None:
        return
    # Where nobody has read yet, from where the first webhook begins: its place was kept before its owner knew
    # of it, so nothing that happened since is missed. And what was before is nobody's business.
    begin = max(follower.position or "", earliest)
    reading = asyncio.create_task(_read(resources, attempt, begin))
    last_words: dict[str, Any] = {"held_by": None, "held_until": None}
    try:
        while not (await asyncio.wait([reading], timeout=LEASE_SECONDS / 4))[0]:
            if not await lease.update_lease(LEASE_NAME, attempt, held_until=Later(LEASE_SECONDS)):
                log.info("another follows")
                break
            if await repository.find_earliest() is None:
                # The next webhook brings a place of its own, and this one grows old.
                last_words["position"] = None
                break
    finally:
        await _cancelled(reading)
        # Whoever comes next need not wait out the lease.
        await lease.update_lease(LEASE_NAME, attempt, **last_words)
    if not reading.cancelled():
        reading.result()


async def _read(resources: Resources, attempt: str, position: str) -> None:
    """Announce what follows a place in the feed and note how far that is done, until the lease is lost."""
    noted_at = time.monotonic()
    lost = 0
    while True:
        try:
            async with aclosing(_batches(position)) as batches:
                async for batch in batches:
                    lost = 0
                    await fan_out(resources, [each for each in batch if isinstance(each, Change)])
                    position = batch[-1].position if isinstance(batch[-1], Change) else batch[-1]
                    if time.monotonic() - noted_at < CHECKPOINT_SECONDS:
                        continue
                    if not await lease.update_lease(LEASE_NAME, attempt, position=position):
                        return
                    noted_at = time.monotonic()
        except HistoryLostError:
            lost += 1
            if lost < MAX_HISTORY_LOST:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            # All workers were away for longer than MongoDB remembers.
            log.error("changes were forgotten before they were read: webhooks are not told of them")
            position = await change_stream.current_position()


async def _batches(position: str) -> AsyncGenerator[list[Change | str], None]:
    """What the feed tells after a position, as much at a time as is at hand."""
    async with aclosing(change_stream.watch(after=position)) as feed:
        coming = asyncio.ensure_future(anext(feed))
        try:
            while True:
                batch = [await coming]
                coming = asyncio.ensure_future(anext(feed))
                while (
                    len(batch) < MAX_BATCH_CHANGES
                    and (await asyncio.wait([coming], timeout=BATCH_GAP_SECONDS))[0]
                ):
                    batch.append(coming.result())
                    coming = asyncio.ensure_future(anext(feed))
                yield batch
        finally:
            await _cancelled(coming)


async def _cancelled(task: asyncio.Future[Any]) -> None:
    """Cancel a task and wait for its end. A driver may lose a cancellation, so it is repeated."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_AGAIN_SECONDS)
    if not task.cancelled():
        task.exception()  # seen, since no one asks for it
