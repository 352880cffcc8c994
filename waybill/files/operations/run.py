"""Carry out an operation in bounded steps, each of which can be repeated.

A step first stores the ids of its files, and then changes them. If a job dies, the step is in the
document, and the next job repeats it. Files that were changed already are not changed again.
"""

import asyncio
import secrets
import time
from typing import Any

import structlog

from waybill.files import due
from waybill.files.delete import Deleted, delete_as_read
from waybill.files.folder import MAX_FOLDER_BYTES
from waybill.files.model import File
from waybill.files.operations import repository
from waybill.files.operations.folder_files import (
    Fields,
    count_planned,
    included,
    is_included,
    move_planned,
    position_of,
    read_files,
    read_keys,
)
from waybill.files.operations.model import Operation, OperationFailure, OperationKind, OperationStatus
from waybill.files.operations.send import send_next
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo.expressions import NOW, InSeconds
from waybill.platform.redis.messages import PURGE_OBJECT, RECONCILE_AFTER_SECONDS, RUN_OPERATION
from waybill.resources import Resources

#: Seconds after which a job begins no further step and goes to the end of the queue, so that the operations
#: of all owners advance.
MAX_JOB_SECONDS = 1

#: Files of one step, and deletions at the same time. A purge takes up to a hundred files.
STEP_FILES = 100
MAX_CONCURRENT = 10

#: Jobs that a defect may end before the operation is FAILED. It would block the owner's other operations.
MAX_FAILURES = 10

#: Keys of the index that one step counts: 1 µs each.
COUNT_KEYS = 10_000

_FINISHED: dict[str, Any] = {
    "finished_at": NOW,
    **dict.fromkeys(("slot", "due_at", "attempt", "counted", "after", "plan")),
}

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Raised when another job has taken the operation: this one must not write."""


async def run_operation(resources: Resources, operation_id: str, attempt: str) -> None:
    """Carry out steps of an operation for a while, then enqueue the next job.

    Safe to run twice, late, or on two workers at once.

    Args:
        attempt: from the message. A job whose operation has another attempt by now does nothing.

    Raises:
        ServiceUnavailable: MongoDB is unavailable. The operation stays due.
    """
    taken = await repository.take(operation_id, attempt, secrets.token_hex(8), RECONCILE_AFTER_SECONDS)
    if taken is None:
        return
    operation = taken
    end = time.monotonic() + MAX_JOB_SECONDS
    try:
        while True:
            operation = await _advance(resources, operation)
            if operation.finished_at is not None or time.monotonic() >= end:
                break
    except LeaseLostError:
        log.info("lease lost, nothing written", operation_id=operation_id)
        return
    except (ServiceUnavailable, asyncio.CancelledError):
        # An outage, or the worker stops: the next run of the reconciler enqueues another job.
        await repository.change(taken.id, {"attempt": taken.attempt}, due_at=NOW)
        raise
    except Exception:
        await _count_failure(resources, taken)
        raise
    if operation.finished_at is None:
        await resources.sender.send(RUN_OPERATION, operation_id, str(operation.attempt))
        return
    log.info(
        "operation ended",
        operation_id=operation_id,
        kind=operation.kind.value,
        status=operation.status.value,
        files=operation.done,
    )
    await send_next(resources, operation.owner)


async def _count_failure(resources: Resources, operation: Operation) -> None:
    """Record that a defect has ended a job. The reconciler enqueues another, until there were too many."""
    failures = operation.failures + 1
    changes: dict[str, Any] = {"failures": failures}
    if failures >= MAX_FAILURES:
        changes |= {
            "status": OperationStatus.FAILED,
            "failure_reason": OperationFailure.INTERNAL,
            **_FINISHED,
        }
    await repository.change(operation.id, {"attempt": operation.attempt}, **changes)
    if failures >= MAX_FAILURES:
        await send_next(resources, operation.owner)


async def _advance(resources: Resources, operation: Operation) -> Operation:
    """Carry out one step and plan the next. Raises LeaseLostError."""
    if operation.total is None:
        return await _count(operation)
    done = operation.done
    if operation.plan:
        is_move = operation.kind is OperationKind.MOVE_FOLDER
        done += await (move_planned(operation) if is_move else _delete_planned(resources, operation))
    files = await read_files(operation, STEP_FILES)
    if not files:
        # Files that left the folder in another way are not counted any longer.
        return await _write(operation, status=OperationStatus.DONE, done=done, total=done, **_FINISHED)
    plan = [file["_id"] for file in files if is_included(operation, file)]
    return await _write(operation, done=done, plan=plan, after=position_of(files[-1]))


async def _count(operation: Operation) -> Operation:
    """Count some more files, before the first is changed. Fails if the folder of one would be too long."""
    files = await read_keys(operation, COUNT_KEYS)
    counted = [file for file in files if is_included(operation, file)]
    if any(_is_too_long(operation, file) for file in counted):
        failure = {"status": OperationStatus.FAILED, "failure_reason": OperationFailure.FOLDER_TOO_LONG}
        return await _write(operation, **failure, **_FINISHED)
    total = operation.counted + len(counted)
    if len(files) < COUNT_KEYS:
        return await _write(operation, total=total, counted=None, after=None)
    return await _write(operation, counted=total, after=position_of(files[-1]))


def _is_too_long(operation: Operation, file: Fields) -> bool:
    if operation.to is None:
        return False
    moved = operation.to + file["folder"].removeprefix(operation.folder)
    return len(moved.encode()) > MAX_FOLDER_BYTES


async def _delete_planned(resources: Resources, operation: Operation) -> int:
    """Delete the files of the current step, like ``delete_file``. Returns how many of them are deleted."""
    slots = asyncio.Semaphore(MAX_CONCURRENT)

    async def delete(file: File) -> Deleted | None:
        async with slots:
            return await delete_as_read(resources, file)

    # Files that change meanwhile are read again.
    while files := await due.find_due(operation.plan, included(operation)):
        outcomes = await asyncio.gather(*map(delete, files), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        purged = [each.file.file_id for each in outcomes if isinstance(each, Deleted) and each.is_due_now]
        if purged:
            # If the process dies before this line, the reconciler enqueues the purges, which are due.
            await resources.sender.send(PURGE_OBJECT, *purged)
    return await count_planned(operation, {"deleted_at": {"$exists": True}})


async def _write(operation: Operation, **changes: Any) -> Operation:
    changes = {"due_at": InSeconds(RECONCILE_AFTER_SECONDS), **changes}
    written = await repository.change(operation.id, {"attempt": operation.attempt}, **changes)
    if written is None:
        raise LeaseLostError
    return written
