"""Inspect the object of a file: hash it, or use the SHA-256 that the store has verified."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter

import structlog

from waybill.files import transitions
from waybill.files.complete import find_object
from waybill.files.lifecycle import FailureReason
from waybill.files.model import File
from waybill.platform.errors import ObjectMissing, PartsMissing, ServiceUnavailable
from waybill.platform.metrics import HASH_SECONDS, HASHED_BYTES
from waybill.platform.s3.reading import ObjectChangedError, ObjectGoneError, UnsignedHeadersError
from waybill.platform.s3.storage import ObjectHead
from waybill.resources import Resources

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Raised when the file was deleted or another attempt holds it: this attempt must not write."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one look: the SHA-256, or a problem that further looks must confirm, or both."""

    sha256: str | None = None
    problem: FailureReason | None = None
    by: str = "worker"


async def inspect(resources: Resources, file: File, lost: asyncio.Event) -> Finding:
    """Inspect the object of a file whose lease the caller holds. Stop when ``lost`` is set.

    Raises:
        LeaseLostError: the caller no longer holds the lease.
        ServiceUnavailable: MongoDB is unavailable, or the whole store is.
    """
    try:
        return await _inspect(resources, file, lost)
    except ServiceUnavailable as error:
        if error.context["service"] != "The object store":
            raise
        # Raises if the bucket does not answer either: an outage proves nothing about the object.
        await resources.storage.ping()
        log.warning("object unreadable, although the store answers", file_id=file.file_id, error=repr(error))
        return Finding(problem=FailureReason.UNREADABLE)


async def _inspect(resources: Resources, file: File, lost: asyncio.Event) -> Finding:
    seen = await _with_etag(resources, file)
    if seen is None:
        return Finding(problem=FailureReason.OBJECT_MISSING)
    if await _is_verified_by_store(resources, seen):
        return Finding(seen.declared_sha256, by="store")
    return await _read(resources, seen, lost)


async def _read(resources: Resources, file: File, lost: asyncio.Event) -> Finding:
    try:
        size, sha256 = await fingerprint(resources.storage.stream(file.object_key, file.etag or ""), lost)
    except ObjectGoneError:
        return Finding(problem=FailureReason.OBJECT_MISSING)
    except ObjectChangedError:
        # The object was replaced after complete looked at it.
        return Finding(problem=FailureReason.OBJECT_CHANGED)
    except UnsignedHeadersError as error:
        log.warning("the object has headers that were not signed", file_id=file.file_id, headers=error.names)
        return Finding(problem=FailureReason.UNSIGNED_HEADERS)
    if size != file.size:
        return Finding(sha256, FailureReason.SIZE_MISMATCH)
    if file.declared_sha256 not in {None, sha256}:
        return Finding(sha256, FailureReason.CHECKSUM_MISMATCH)
    return Finding(sha256)


async def _with_etag(resources: Resources, file: File) -> File | None:
    """Return the file with the ETag of its object, or None if there is no object."""
    if file.etag is not None:
        return file
    try:
        head = await find_object(resources, file)
    except (ObjectMissing, PartsMissing):
        return None
    # From here on, every read is of exactly this object.
    seen = await transitions.change(file, {"attempt": file.attempt, "etag": None}, etag=head.etag)
    if seen is None:
        raise LeaseLostError
    return seen


async def _is_verified_by_store(resources: Resources, file: File) -> bool:
    """Return whether the store has verified exactly the declared SHA-256, so that the bytes need not be read.

    The store did so when it accepted the PUT whose URL signs the checksum. In every other case (a different
    object than complete saw, another size, no checksum, unsigned headers, no object) the bytes are read.
    """
    if resources.settings.verify != "store" or file.declared_sha256 is None or file.part_plan is not None:
        return False
    head = await resources.storage.head(file.object_key, with_sha256=True)
    return head == ObjectHead(file.size, file.etag or "", file.declared_sha256)


async def fingerprint(stream: AsyncGenerator[bytes, None], lost: asyncio.Event) -> tuple[int, str]:
    """Return the size and SHA-256 of a stream, using the memory of two pieces. Closes the stream.

    Raises:
        LeaseLostError: ``lost`` was set meanwhile.
    """
    digest = hashlib.sha256()
    size = 0
    began = perf_counter()
    hashing: asyncio.Future[None] | None = None
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            # hashlib releases the interpreter lock: one piece is hashed while the next arrives.
            if hashing is not None:
                await hashing
            if lost.is_set():
                raise LeaseLostError
            hashing = asyncio.get_running_loop().run_in_executor(None, digest.update, piece)
            size += len(piece)
            # Counted for each piece, because a large object takes longer than a scrape interval.
            HASHED_BYTES.inc(len(piece))
    if hashing is not None:
        await hashing
    HASH_SECONDS.observe(perf_counter() - began)
    return size, digest.hexdigest()
