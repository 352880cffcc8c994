"""Verify an upload: inspect its object under a lease, and set the final status."""

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
from waybill.platform.mongo.expressions import DUE, NOW, InSeconds
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources

#: The lease of a worker on a file. After it, another worker may take the file. Renewed every quarter of it.
LEASE_SECONDS = 15

#: How many looks in a row must find the same problem until the file is FAILED. The intervals double. For an
#: object that cannot be read, the setting VERIFY_ATTEMPTS says how many.
LOOKS_TO_FAIL = 3

#: Condition for ``change``: no look has found a problem, or the next look is due. A message may come early.
LOOK_IS_DUE: Mapping[str, Any] = {"$expr": {"$lte": ["$look_at", "$$NOW"]}}  # a missing field is less

#: Fields to remove when the file gets its final status.
NO_DOUBT: Mapping[str, Any] = {"doubt": None, "looks": None, "look_at": None}

log = structlog.get_logger(__name__)


async def verify_upload(resources: Resources, file_id: str) -> None:
    """Verify a PROCESSING file under a lease, then move it to COMPLETED, DUPLICATE or FAILED.

    Safe to run twice, late, or on two workers at once: only the attempt that holds the lease can write, and
    every write is conditional. Does nothing if the file is not PROCESSING, if another attempt holds it, or if
    its next look is not due. A file becomes FAILED only after several looks that find the same problem.

    Raises:
        ServiceUnavailable: MongoDB or the store became unavailable; the lease is released for the next
            attempt.
        Exception: a defect; it counts as a failed read.
    """
    try:
        file = await repository.find(file_id)
    except FileNotFound:
        return
    try:
        await _verify(resources, file)
    finally:
        # With any outcome, send the next file of this owner.
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
        due_at=InSeconds(LEASE_SECONDS),
    )
    if held is None:
        return
    # No client waits for a job, so a job may wait for a slow store.
    without_timeout = replace(resources, storage=resources.storage.without_timeout())
    try:
        async with _lease(held, attempt) as lost:
            found = await inspect(without_timeout, held, lost)
        await _conclude(resources, held, attempt, found)
    except LeaseLostError:
        log.info("lease lost, nothing written", file_id=file.file_id)
    except (ServiceUnavailable, asyncio.CancelledError):
        # An outage, or the worker stops: release the lease, so that the next attempt need not wait.
        await transitions.change(
            held, {"attempt": attempt}, attempt=None, due_at=InSeconds(RECONCILE_AFTER_SECONDS)
        )
        raise
    except Exception:
        # A defect that this object triggers must not occupy the workers again and again.
        with suppress(LeaseLostError):
            await _conclude(resources, held, attempt, Finding(problem=FailureReason.UNREADABLE))
        raise


@asynccontextmanager
async def _lease(file: File, attempt: str) -> AsyncIterator[asyncio.Event]:
    """Renew the lease in the background. Set the event when the lease is lost."""
    lost = asyncio.Event()

    async def renew() -> None:
        while not lost.is_set():
            await asyncio.sleep(LEASE_SECONDS / 4)
            try:
                if (
                    await transitions.change(file, {"attempt": attempt}, due_at=InSeconds(LEASE_SECONDS))
                    is None
                ):
                    lost.set()
            except Exception as error:
                # At worst the lease expires. The final write requires the lease anyway.
                log.warning("lease not renewed", file_id=file.file_id, error=str(error))

    renewing = asyncio.create_task(renew())
    try:
        yield lost
    finally:
        renewing.cancel()


async def _conclude(resources: Resources, file: File, attempt: str, found: Finding) -> None:
    """Write the final status, or the time of the next look, if this attempt still holds the file."""
    if found.problem is None:
        verified = await _settle(file, attempt, found.sha256 or "")
    else:
        looks = count_looks(file, found.problem)
        if looks < _looks_needed(resources, found.problem):
            await _look_again(resources, file, attempt, found.problem, looks)
            return
        verified = await _fail(file, attempt, found, resources.settings.failed_retention)
    if verified is None:
        raise LeaseLostError
    VERDICTS.labels(verified.status.value, found.by).inc()
    log.info("verified", file_id=file.file_id, status=verified.status.value, size=file.size, by=found.by)
    if verified.status is Status.DUPLICATE or (
        verified.status is Status.FAILED and not resources.settings.failed_retention
    ):
        await resources.sender.send(PURGE_OBJECT, file.file_id)


def _looks_needed(resources: Resources, problem: FailureReason) -> int:
    return resources.settings.verify_attempts if problem is FailureReason.UNREADABLE else LOOKS_TO_FAIL


async def _look_again(
    resources: Resources, file: File, attempt: str, problem: FailureReason, looks: int
) -> None:
    """Release the file for another look later, because one answer of the store proves nothing."""
    delay = next_look(resources.settings, looks)
    released = await transitions.change(
        file,
        {"attempt": attempt},
        attempt=None,
        doubt=problem.value,
        looks=looks,
        look_at=delay,
        due_at=delay,
    )
    if released is None:
        raise LeaseLostError
    log.warning(
        "problem found, the object is looked at again",
        file_id=file.file_id,
        problem=problem.value,
        looks=looks,
        delay_seconds=delay.seconds,
    )


async def _fail(file: File, attempt: str, found: Finding, retention: int) -> File | None:
    """Move a file to FAILED.

    Its object stays for ``retention`` seconds, so that an operator can inspect it.
    """
    return await transitions.transition(
        file,
        Status.FAILED,
        held_by=attempt,
        sha256=found.sha256,
        failure_reason=None if found.problem is None else found.problem.value,
        purge_at=InSeconds(retention),
        due_at=InSeconds(retention or RECONCILE_AFTER_SECONDS),
        attempt=None,
        **NO_DOUBT,
    )


async def _settle(file: File, attempt: str, sha256: str) -> File | None:
    """Move a file to COMPLETED if it is the first of its content, or to DUPLICATE.

    The unique index decides.
    """
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
                # The holder has the content, so this object is a spare, and its purge is due.
                return await contents.become_duplicate(
                    file,
                    holder,
                    held_by=attempt,
                    sha256=sha256,
                    purge_at=NOW,
                    due_at=InSeconds(RECONCILE_AFTER_SECONDS),
                    attempt=None,
                    **NO_DOUBT,
                )
        # The holder was deleted just now, so this file may become COMPLETED.
    raise ServiceUnavailable("MongoDB")
