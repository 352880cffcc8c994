"""Look at what arrived: hash the object, or ask the store what it has verified; compare, move the status."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from typing import Any

import structlog

from waybill import documents
from waybill.documents import DUE, NOW, ContentTakenError, File, Later, WinnerGoneError
from waybill.errors import FileNotFound, ServiceUnavailable
from waybill.lifecycle import FailureReason, Status
from waybill.messages import PATIENCE, PURGE_OBJECT
from waybill.metrics import HASH_SECONDS, HASHED_BYTES, VERDICTS
from waybill.resources import Resources
from waybill.storage import ObjectChangedError, ObjectGoneError, ObjectHead

#: Seconds that a worker may be silent before another may take its file. Renewed four times as often.
LEASE = 15

#: How often a content may be taken and free again before the verification is tried later.
CONTENT_RACES = 5

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """The file was deleted, or another attempt holds it: this one has nothing more to say."""


async def verify_upload(resources: Resources, file_id: str) -> None:
    """Verify a PROCESSING file under a lease, then move it to COMPLETED, DUPLICATE or FAILED.

    Safe to run twice, late, or on two workers at once: only the attempt that holds the lease can write, and
    every write is conditional. Does nothing where the file is not PROCESSING or somebody else is at it.

    Raises:
        ServiceUnavailable: MongoDB or the store went away; the lease is given back for the next try.
    """
    try:
        file = await documents.find(file_id)
    except FileNotFound:
        return
    attempt = secrets.token_hex(8)
    held = await documents.change(
        file,
        {"status": Status.PROCESSING.value, "deleted_at": None, "$or": [{"attempt": None}, DUE]},
        attempt=attempt,
        due_at=Later(LEASE),
    )
    if held is None:
        return
    try:
        async with _lease(held, attempt) as lost:
            by_store = await _is_vouched_for(resources, held)
            found = {"sha256": held.declared_sha256} if by_store else await _inspect(resources, held, lost)
        await _conclude(resources, held, attempt, found, by="store" if by_store else "worker")
    except LeaseLostError:
        log.info("lease lost, nothing written", file_id=file_id)
    except (Exception, asyncio.CancelledError):
        # Failed, or told to stop: give the file back, so that the next try need not wait out the lease.
        await documents.change(held, {"attempt": attempt}, attempt=None, due_at=Later(PATIENCE))
        raise


@asynccontextmanager
async def _lease(file: File, attempt: str) -> AsyncIterator[asyncio.Event]:
    """Renew the lease in the background; the event is set once it is known to be lost."""
    lost = asyncio.Event()

    async def renew() -> None:
        while not lost.is_set():
            await asyncio.sleep(LEASE / 4)
            try:
                if await documents.change(file, {"attempt": attempt}, due_at=Later(LEASE)) is None:
                    lost.set()
            except Exception as error:
                # At the worst the lease runs out; the last write is conditional on it anyway.
                log.warning("lease not renewed", file_id=file.file_id, error=str(error))

    renewing = asyncio.create_task(renew())
    try:
        yield lost
    finally:
        renewing.cancel()


async def _is_vouched_for(resources: Resources, file: File) -> bool:
    """Whether the bytes need not be read, for the store has verified the very SHA-256 that was declared.

    It did so when it took the one PUT that the checksum was signed into. Whatever does not fit (another
    object than complete saw, another size, no checksum, none at all) is for reading to judge.
    """
    if resources.settings.verify != "store" or file.declared_sha256 is None or file.part_plan is not None:
        return False
    head = await resources.storage.head(file.object_key, with_sha256=True)
    return head == ObjectHead(file.size, file.etag or "", file.declared_sha256)


async def _inspect(resources: Resources, file: File, lost: asyncio.Event) -> dict[str, Any]:
    """What verification found, as changes of the document: a SHA-256, a failure reason, or both."""
    try:
        size, sha256 = await _fingerprint(resources.storage.stream(file.object_key, file.etag or ""), lost)
    except ObjectGoneError:
        return {"failure_reason": FailureReason.OBJECT_MISSING.value}
    except ObjectChangedError:
        # Somebody replaced the object after complete looked at it.
        return {"failure_reason": FailureReason.OBJECT_CHANGED.value}
    if size != file.size:
        return {"sha256": sha256, "failure_reason": FailureReason.SIZE_MISMATCH.value}
    if file.declared_sha256 not in {None, sha256}:
        return {"sha256": sha256, "failure_reason": FailureReason.CHECKSUM_MISMATCH.value}
    return {"sha256": sha256}


async def _fingerprint(pieces: AsyncIterator[bytes], lost: asyncio.Event) -> tuple[int, str]:
    """Size and SHA-256 of a stream, in the memory of two pieces."""
    digest = hashlib.sha256()
    size = 0
    began = perf_counter()
    hashing: asyncio.Future[None] | None = None
    async for piece in pieces:
        # hashlib lets go of the interpreter lock: one piece is hashed while the next is on its way.
        if hashing is not None:
            await hashing
        if lost.is_set():
            raise LeaseLostError
        hashing = asyncio.get_running_loop().run_in_executor(None, digest.update, piece)
        size += len(piece)
        # Piece by piece, for a large object takes longer than the time between two looks.
        HASHED_BYTES.inc(len(piece))
    if hashing is not None:
        await hashing
    HASH_SECONDS.observe(perf_counter() - began)
    return size, digest.hexdigest()


async def _conclude(
    resources: Resources, file: File, attempt: str, found: dict[str, Any], *, by: str
) -> None:
    """Write the outcome, if this attempt still holds the file."""
    if "failure_reason" in found:
        concluded = await _discard(file, Status.FAILED, attempt, found)
    else:
        concluded = await _settle(file, attempt, found["sha256"])
    if concluded is None:
        raise LeaseLostError
    VERDICTS.labels(concluded.status.value, by).inc()
    log.info("verified", file_id=file.file_id, status=concluded.status.value, size=file.size, by=by)
    if concluded.purge_at is not None:
        await resources.sender.send(PURGE_OBJECT, file.file_id)


async def _settle(file: File, attempt: str, sha256: str) -> File | None:
    """COMPLETED for the first of its content, DUPLICATE for every other. The unique index decides."""
    for _ in range(CONTENT_RACES):
        try:
            return await documents.transition(
                file,
                Status.COMPLETED,
                held_by=attempt,
                sha256=sha256,
                completed_at=NOW,
                due_at=None,
                attempt=None,
            )
        except ContentTakenError:
            winner = await documents.find_completed(file.owner, sha256)
        if winner is not None:
            with suppress(WinnerGoneError):
                return await _discard(
                    file, Status.DUPLICATE, attempt, {"sha256": sha256, "duplicate_of": winner}
                )
        # The winner was deleted just now: the content is free, and may be won.
    raise ServiceUnavailable("MongoDB")


async def _discard(file: File, target: Status, attempt: str, found: dict[str, Any]) -> File | None:
    """End a file whose object nobody will ask for: from here its purge is owed."""
    return await documents.transition(
        file, target, held_by=attempt, purge_at=NOW, due_at=Later(PATIENCE), attempt=None, **found
    )
