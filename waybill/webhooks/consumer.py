"""Consume the change stream for webhooks: one worker at a time, and none without an enabled webhook."""

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
from waybill.platform.mongo.expressions import InSeconds
from waybill.resources import Resources
from waybill.webhooks import repository
from waybill.webhooks.fanout import fan_out

LEASE_NAME = "webhooks"

#: Seconds without a renewal after which another worker takes the lease. Renewed four times as often.
LEASE_SECONDS = 15

#: Seconds between two checkpoints of the resume token. Changes that are read twice make no second delivery.
CHECKPOINT_SECONDS = 1

#: Changes of one batch, and seconds to wait for the next change before a batch is closed.
MAX_BATCH_CHANGES = 200
BATCH_GAP_SECONDS = 0.005

#: Attempts in a row that must report a lost history before the resume token is given up, and seconds between
#: them. A MongoDB that starts or stops can report it once.
MAX_HISTORY_LOST = 3
PAUSE_SECONDS = 1

#: Seconds until a task that was cancelled and goes on is cancelled again.
CANCEL_AGAIN_SECONDS = 2

log = structlog.get_logger(__name__)


async def consume_changes(resources: Resources) -> None:
    """Make deliveries of changes while this worker holds the lease, until cancelled.

    Checks every SWEEP_INTERVAL whether there is an enabled webhook and the lease is free.
    """
    while True:
        try:
            await _consume_under_lease(resources)
        except ServiceUnavailable as error:
            log.warning("change stream not consumed: service unavailable", error=error.message)
        except Exception:
            # A defect. The changes since the last checkpoint are read again.
            log.exception("change stream not consumed")
        await asyncio.sleep(resources.settings.sweep_interval)


async def _consume_under_lease(resources: Resources) -> None:
    """Consume while this worker holds the lease and there is an enabled webhook, else return."""
    earliest = await repository.find_earliest()
    if earliest is None:
        return
    attempt = secrets.token_hex(8)
    held = await lease.acquire_lease(LEASE_NAME, attempt, LEASE_SECONDS)
    if held is None:
        return
    # Without a checkpoint, from the resume token at which the first webhook was created: earlier changes are
    # not delivered to it.
    begin = max(held.position or "", earliest)
    reading = asyncio.create_task(_read(resources, attempt, begin))
    released: dict[str, Any] = {"held_by": None, "held_until": None}
    try:
        while not (await asyncio.wait([reading], timeout=LEASE_SECONDS / 4))[0]:
            if not await lease.update_lease(LEASE_NAME, attempt, held_until=InSeconds(LEASE_SECONDS)):
                log.info("lease lost to another worker")
                break
            if await repository.find_earliest() is None:
                # The next webhook has its own resume token. This one would become too old.
                released["position"] = None
                break
    finally:
        await _cancelled(reading)
        # The next worker need not wait until the lease ends.
        await lease.update_lease(LEASE_NAME, attempt, **released)
    if not reading.cancelled():
        reading.result()


async def _read(resources: Resources, attempt: str, resume_token: str) -> None:
    """Fan out the changes after a resume token and keep checkpoints, until the lease is lost."""
    saved_at = time.monotonic()
    lost = 0
    while True:
        try:
            async with aclosing(_batches(resume_token)) as batches:
                async for batch in batches:
                    lost = 0
                    await fan_out(resources, [each for each in batch if isinstance(each, Change)])
                    resume_token = batch[-1].resume_token if isinstance(batch[-1], Change) else batch[-1]
                    if time.monotonic() - saved_at < CHECKPOINT_SECONDS:
                        continue
                    if not await lease.update_lease(LEASE_NAME, attempt, position=resume_token):
                        return
                    saved_at = time.monotonic()
        except HistoryLostError:
            lost += 1
            if lost < MAX_HISTORY_LOST:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            # No worker has read for longer than MongoDB keeps its log.
            log.error(
                "changes lost: the resume token is older than the oplog, no deliveries are made for them"
            )
            resume_token = await change_stream.current_resume_token()


async def _batches(resume_token: str) -> AsyncGenerator[list[Change | str], None]:
    """Yield the changes after a resume token, in batches of what has arrived."""
    async with aclosing(change_stream.watch(after=resume_token)) as feed:
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
        task.exception()  # retrieved, or asyncio logs it
