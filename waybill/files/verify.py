"""Verify what arrived: look at the object under a lease, and move the status by what was found."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import structlog

from waybill.files import contents, repository, transitions
from waybill.files.contents import CONTENT_RACES, HolderGoneError
from waybill.files.inspection import Finding, LeaseLostError, inspect
from waybill.files.lifecycle import FailureReason, Status
from waybill.files.looks import count_looks, next_look
from waybill.files.model import File
from waybill.files.send_next import send_next
from waybill.files.transitions import ContentTakenError
from waybill.platform.errors import FileNotFound, ServiceUnavailable
from waybill.platform.metrics import VERDICTS
from waybill.platform.mongo.expressions import DUE, NOW, Later
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources

#: Seconds that a worker may be silent before another may take its file. Renewed four times as often.
LEASE_SECONDS = 15

#: Looks in a row that must find the same problem until the file is FAILED, at intervals that double. That an
#: object cannot be read has a setting of its own, VERIFY_ATTEMPTS.
LOOKS_TO_FAIL = 3

#: For ``change``: no look has found a problem, or it is time for the next one. A message may come early.
LOOK_IS_DUE: Mapping[str, Any] = {"$expr": {"$lte": ["$look_at", "$$NOW"]}}  # a missing field is less

#: What no longer holds once the file has its final status.
NO_DOUBT: Mapping[str, Any] = {"doubt": None, "looks": None, "look_at": None}

log = structlog.get_logger(__name__)


async def verify_upload(resources: Resources, file_id: str) -> None:
    """Verify a PROCESSING file under a lease, then move it to COMPLETED, DUPLICATE or FAILED.

    Safe to run twice, late, or on two workers at once: only the attempt that holds the lease can write, and
    every write is conditional. Does nothing if the file is not PROCESSING, another attempt holds it, or its
    next look is not due. FAILED takes several looks that find the same, spread over time.

    Raises:
        ServiceUnavailable: MongoDB or the store went away; the lease is given back for the next try.
        Exception: a defect; it counts as a read that failed.
    """
    try:
        file = await repository.find(file_id)
    except FileNotFound:
        return
    try:
        await _verify(resources, file)
    finally:
        # With any outcome, the file gives its place in the queue to the next of its owner.
        await send_next(resources, file)


async def _verify(resources: Resources, file: File) -> None:
    attempt = secrets.token_hex(8)
    held = await transitions.change(
        file,
        {
            "status": Status.PROCESSING.value,
            "deleted_at": None,
            "$or": [{"attempt": None}, DUE],
            **LOOK_IS_DUE,
        },
        attempt=attempt,
        due_at=Later(LEASE_SECONDS),
    )
    if held is None:
        return
    # No client waits for a job, so it waits for a slow store.
    patient = replace(resources, storage=resources.storage.without_timeout())
    try:
        async with _lease(held, attempt) as lost:
            found = await inspect(patient, held, lost)
        await _conclude(resources, held, attempt, found)
    except LeaseLostError:
        log.info("lease lost, nothing written", file_id=file.file_id)
    except (ServiceUnavailable, asyncio.CancelledError):
        # An outage, or the worker stops: release the lease, so that the next attempt need not wait.
        await transitions.change(
            held, {"attempt": attempt}, attempt=None, due_at=Later(RECONCILE_AFTER_SECONDS)
        )
        raise
    except Exception:
        # A defect that this object brings out must not take the workers' time again and again.
        with suppress(LeaseLostError):
            await _conclude(resources, held, attempt, Finding(problem=FailureReason.UNREADABLE))
        raise


@asynccontextmanager
async def _lease(file: File, attempt: str) -> AsyncIterator[asyncio.Event]:
    """Renew the lease in the background; the event is set once it is known to be lost."""
    lost = asyncio.Event()

    async def renew() -> None:
        while not lost.is_set():
            await asyncio.sleep(LEASE_SECONDS / 4)
            try:
                if await transitions.change(file, {"attempt": attempt}, due_at=Later(LEASE_SECONDS)) is None:
                    lost.set()
            except Exception as error:
                # At the worst the lease runs out; the last write is conditional on it anyway.
                log.warning("lease not renewed", file_id=file.file_id, error=str(error))

    renewing = asyncio.create_task(renew())
    try:
        yield lost
    finally:
        renewing.cancel()


async def _conclude(resources: Resources, file: File, attempt: str, found: Finding) -> None:
    """Write what was found, if this attempt still holds the file: an outcome, or when to look again."""
    if found.problem is None:
        concluded = await _settle(file, attempt, found.sha256 or "")
    else:
        looks = count_looks(file, found.problem)
        if looks < _looks_needed(resources, found.problem):
            await _look_again(resources, file, attempt, found.problem, looks)
            return
        concluded = await _fail(file, attempt, found, resources.settings.failed_retention)
    if concluded is None:
        raise LeaseLostError
    VERDICTS.labels(concluded.status.value, found.by).inc()
    log.info("verified", file_id=file.file_id, status=concluded.status.value, size=file.size, by=found.by)
    if concluded.status is Status.DUPLICATE or (
        concluded.status is Status.FAILED and not resources.settings.failed_retention
    ):
        await resources.sender.send(PURGE_OBJECT, file.file_id)


def _looks_needed(resources: Resources, problem: FailureReason) -> int:
    return resources.settings.verify_attempts if problem is FailureReason.UNREADABLE else LOOKS_TO_FAIL


async def _look_again(
    resources: Resources, file: File, attempt: str, problem: FailureReason, looks: int
) -> None:
    """Give the file back for another look, later: one answer of the store is no proof."""
    delay = next_look(resources.settings, looks)
    given_back = await transitions.change(
        file,
        {"attempt": attempt},
        attempt=None,
        doubt=problem.value,
        looks=looks,
        look_at=delay,
        due_at=delay,
    )
    if given_back is None:
        raise LeaseLostError
    log.warning(
        "problem found, the object is looked at again",
        file_id=file.file_id,
        problem=problem.value,
        looks=looks,
        delay_seconds=delay.seconds,
    )


async def _fail(file: File, attempt: str, found: Finding, retention: int) -> File | None:
    """End a file as FAILED. Its object stays for ``retention`` seconds, for a person to step in."""
    return await transitions.transition(
        file,
        Status.FAILED,
        held_by=attempt,
        sha256=found.sha256,
        failure_reason=None if found.problem is None else found.problem.value,
        purge_at=Later(retention),
        due_at=Later(retention or RECONCILE_AFTER_SECONDS),
        attempt=None,
        **NO_DOUBT,
    )


async def _settle(file: File, attempt: str, sha256: str) -> File | None:
    """COMPLETED for the first of its content, DUPLICATE for every other. The unique index decides."""
    for _ in range(CONTENT_RACES):
        try:
            return await transitions.transition(
                file,
                Status.COMPLETED,
                held_by=attempt,
                sha256=sha256,
                completed_at=NOW,
                due_at=None,
                attempt=None,
                **NO_DOUBT,
            )
        except ContentTakenError:
            holder = await contents.find_holder(file.owner, sha256)
        if holder is not None:
            with suppress(HolderGoneError):
                # The holder has the content: from here the purge of this object is due.
                return await contents.become_duplicate(
                    file,
                    holder,
                    held_by=attempt,
                    sha256=sha256,
                    purge_at=NOW,
                    due_at=Later(RECONCILE_AFTER_SECONDS),
                    attempt=None,
                    **NO_DOUBT,
                )
        # The holder was deleted just now: the content is free, and may be won.
    raise ServiceUnavailable("MongoDB")
