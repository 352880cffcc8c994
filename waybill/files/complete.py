"""Complete an upload: look for its object, and enqueue the verification."""

from datetime import UTC, datetime, timedelta

import structlog

from waybill.files import repository, transitions
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.open_upload import MAX_OPEN_TIME, ensure_open, is_open
from waybill.files.parts import assemble
from waybill.files.transitions import PENDING
from waybill.platform.errors import ObjectMissing, PartsMissing, ServiceUnavailable
from waybill.platform.mongo.expressions import NOW
from waybill.platform.principal import Principal
from waybill.platform.s3.errors import StoreTimeout
from waybill.platform.s3.storage import ObjectHead
from waybill.resources import Resources

log = structlog.get_logger(__name__)


async def complete_upload(resources: Resources, principal: Principal, file_id: str) -> File:
    """Move a PENDING file to PROCESSING and enqueue its verification. A repeat returns the file as it is.

    Raises:
        FileNotFound: no such file of this owner.
        ObjectMissing: the store does not hold the object; the file stays PENDING.
        PartsMissing: the store lacks parts of the file; the file stays PENDING.
        WrongState: the file is deleted or EXPIRED.
        ServiceUnavailable: MongoDB is unavailable, or the store is or refuses the request; a repeat is safe.
    """
    file = await repository.find(file_id, principal.owner)
    if not is_open(file):
        return _answer_to_repeat(file)
    head: ObjectHead | None
    try:
        head = await find_object(resources, file)
    except StoreTimeout:
        # The store is slow. A worker looks for the object, because it can wait longer than a client.
        log.info("completed without a look at the object: the store is slow", file_id=file_id)
        head = None
    except (ObjectMissing, PartsMissing):
        # The upload may have expired or been deleted meanwhile, and its object removed.
        file = await repository.find(file_id, principal.owner)
        if not is_open(file):
            return _answer_to_repeat(file)
        raise
    except ServiceUnavailable:
        await _put_off_expiry(resources, file)
        raise
    moved = await begin_verification(resources, file, head)
    return moved or _answer_to_repeat(await repository.find(file_id, principal.owner))


async def begin_verification(resources: Resources, file: File, head: ObjectHead | None) -> File | None:
    """Move a PENDING file to PROCESSING, and enqueue its verification.

    Args:
        head: The object, which the worker must read in this version; None if the store did not answer in
            time.

    Returns:
        The file after the move, or None if it was no longer PENDING.
    """
    # If the process dies after this line, the reconciler sends the job, because the file is due.
    moved = await transitions.transition(
        file, Status.PROCESSING, etag=None if head is None else head.etag, expire_at=None, due_at=NOW
    )
    if moved is not None:
        await resources.verifications.send(file.owner, file.file_id)
    return moved


async def find_object(resources: Resources, file: File) -> ObjectHead:
    """Return the object of a file. Assemble it first if it was sent in parts.

    Raises:
        ObjectMissing: the store does not hold it.
        PartsMissing: not all parts have arrived.
        StoreTimeout, ServiceUnavailable: the store did not answer, or refused.
    """
    if file.part_plan is not None:
        head = await assemble(resources, file)
    else:
        head = await resources.storage.head(file.object_key)
    if head is None:
        raise ObjectMissing(
            "The object store does not hold this upload yet. Send the bytes to its URL, then complete.",
            id=file.file_id,
        )
    return head


async def _put_off_expiry(resources: Resources, file: File) -> None:
    """Delay the expiry of an upload, because its client must try again."""
    grace = timedelta(seconds=resources.settings.upload_grace)
    now = datetime.now(UTC)
    if file.expire_at is not None and file.expire_at < now + grace / 2:
        latest = file.created_at + MAX_OPEN_TIME + grace
        await transitions.change(file, PENDING, expire_at=min(now + grace, max(latest, file.expire_at)))


def _answer_to_repeat(file: File) -> File:
    """Return the file. Raise WrongState if it was deleted or has expired before it was completed."""
    if file.deleted_at is not None or file.status is Status.EXPIRED:
        ensure_open(file)
    return file
