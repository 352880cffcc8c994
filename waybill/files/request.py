"""Request an upload: store its record, and return the grant to send its bytes."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from waybill.files import contents, idempotency, repository
from waybill.files.contents import CONTENT_RACES, HolderGoneError
from waybill.files.idempotency import IdempotencyKey
from waybill.files.lifecycle import Status
from waybill.files.metadata import stored_metadata
from waybill.files.model import File, FileId
from waybill.files.open_upload import UploadGrant, extend, grant_upload, is_open, lifetime
from waybill.files.part_plan import PartPlan
from waybill.files.repository import AlreadyThereError
from waybill.files.upload_request import UploadRequest, check_idempotency_key
from waybill.files.usage.quota import OverQuotaError
from waybill.platform.errors import (
    FileTooLarge,
    IdempotencyConflict,
    InvalidInput,
    QuotaExceeded,
    ServiceUnavailable,
    WrongState,
)
from waybill.platform.principal import Principal
from waybill.platform.s3.object_key import make_key
from waybill.platform.settings import MAX_SINGLE_PUT, Settings
from waybill.platform.times import to_milliseconds
from waybill.resources import Resources

DEFAULT_TYPE = "application/octet-stream"


async def request_upload(
    resources: Resources,
    principal: Principal,
    upload_request: UploadRequest,
    idempotency_key: str | None = None,
    place: int = 0,
) -> UploadGrant:
    """Insert a PENDING file and return its grant: one PUT, or a plan of parts.

    If the owner has stored the content with the declared SHA-256 and size, there is nothing to send. Then the
    result is the file with that folder, name and type, or a new DUPLICATE. The client's claim is safe to
    believe, because it only gives access to the owner's own content.

    A repeat with the same ``idempotency_key`` returns the same file, with fresh URLs, for a day. It never
    makes a second file.

    Args:
        place: The position of an item in a batch, which has one key for all its items.

    Raises:
        FileTooLarge: the size is over MAX_FILE_SIZE or, without parts, over the limit of one PUT.
        InvalidInput: the content type is not one of CONTENT_TYPES, or the key is malformed.
        IdempotencyConflict: the key was used for another upload-request.
        WrongState: the key was used for a file that is deleted, FAILED or EXPIRED.
        QuotaExceeded: the owner's files would take more than OWNER_QUOTA_BYTES.
        ServiceUnavailable: MongoDB is unavailable; nothing was stored, and a repeat with a key is safe.
    """
    settings = resources.settings
    _check(settings, upload_request)
    if idempotency_key is not None:
        check_idempotency_key(idempotency_key)
    holder = named = None
    if upload_request.sha256 is not None:
        holder = await contents.find_holder(principal.owner, upload_request.sha256, upload_request.size)
    if holder is not None:
        content_type = upload_request.content_type or DEFAULT_TYPE
        named = await contents.find_name(
            holder, upload_request.folder or None, upload_request.name, content_type
        )
    file_id = repository.new_id() if named is None else named.key
    claim = None
    if idempotency_key is not None:
        idempotency_key = f"{place}:{idempotency_key}"
        claim = await _claim(principal, idempotency_key, upload_request, file_id)
        if claim.file != file_id:
            known = await repository.find_known(claim.file)
            if known is not None:
                return await _answer_to_repeat(resources, known)
            # The request that used the key first has crashed, or is about to store the file. One insert wins.
            named, file_id = None, claim.file
    if named is not None:
        return UploadGrant(named)
    file = _new_file(settings, principal, upload_request, file_id)
    try:
        if holder is not None and (name := await _insert_name(file, holder, claim)) is not None:
            return UploadGrant(name)
        # Stored before a URL is returned, so that no object can exist without a record.
        await repository.insert(file, settings.owner_quota_bytes)
    except AlreadyThereError:
        if idempotency_key is not None:
            # Another request with the key may have found a name that exists.
            file_id = (await _claim(principal, idempotency_key, upload_request, file_id)).file
        known = await repository.find_known(file_id)
        if known is None:
            # A failover has rolled it back before a majority had it.
            raise ServiceUnavailable("MongoDB") from None
        return await _answer_to_repeat(resources, known)
    except OverQuotaError as error:
        raise QuotaExceeded(size=upload_request.size, used=error.charged, limit=error.quota) from None
    return grant_upload(resources, file)


def _check(settings: Settings, upload_request: UploadRequest) -> None:
    limit = settings.max_file_size
    size = upload_request.size
    if size > limit:
        raise FileTooLarge(
            f"A file can have up to {limit} bytes, this one has {size}.", size=size, limit=limit
        )
    if upload_request.multipart is False and size > MAX_SINGLE_PUT:
        raise FileTooLarge(
            f"One PUT can send up to {MAX_SINGLE_PUT} bytes. Send this file in parts.",
            size=size,
            limit=MAX_SINGLE_PUT,
        )
    if not settings.admits(upload_request.content_type or DEFAULT_TYPE):
        raise InvalidInput({"contentType": f"must be one of {', '.join(settings.content_types)}"})


async def _claim(
    principal: Principal, key: str, upload_request: UploadRequest, file_id: FileId
) -> IdempotencyKey:
    """Return the key with the file that it is for: this one, or that of the request which it repeats."""
    # Older releases do not know these fields. Left out if not given, because a repeat may reach either
    # release.
    later = {name for name in ("part_size", "folder", "metadata") if not getattr(upload_request, name)}
    digest = hashlib.sha256(upload_request.model_dump_json(exclude=later).encode()).hexdigest()
    claim = await idempotency.claim(principal.owner, key, digest, file_id)
    if claim.announced != digest:
        raise IdempotencyConflict
    return claim


async def _answer_to_repeat(resources: Resources, file: File) -> UploadGrant:
    """Return a new grant if the upload is open, and otherwise the file if it can be used.

    Raises:
        WrongState: the file is deleted, FAILED or EXPIRED.
    """
    if is_open(file):
        try:
            file = await extend(resources, file)
        except WrongState:
            # It was completed or deleted since it was read.
            file = await repository.find(file.file_id)
    if is_open(file):
        return grant_upload(resources, file)
    facts = {"id": file.file_id, "fileStatus": file.status.value}
    if file.deleted_at is not None:
        raise WrongState(
            "This idempotency key was used for a file that is deleted. Use a new key to upload again.",
            **facts,
        )
    if file.status in (Status.FAILED, Status.EXPIRED):
        raise WrongState(
            f"This idempotency key was used for a file that is {file.status}. Use a new key to upload again.",
            **facts,
        )
    return UploadGrant(file)


def _new_file(
    settings: Settings, principal: Principal, upload_request: UploadRequest, file_id: FileId
) -> File:
    plan = (
        PartPlan.of(upload_request.size, upload_request.part_size)
        if _goes_in_parts(settings, upload_request)
        else None
    )
    now = datetime.now(UTC)
    expires_at = now + lifetime(settings, is_multipart=plan is not None)
    return File(
        id=file_id,
        owner=principal.owner,
        name=upload_request.name,
        size=upload_request.size,
        content_type=upload_request.content_type or DEFAULT_TYPE,
        declared_sha256=upload_request.sha256,
        object_key=make_key(str(file_id)),
        created_at=to_milliseconds(now),
        folder=upload_request.folder or None,
        metadata=stored_metadata(upload_request.metadata),
        part_size=plan.part_size if plan else None,
        upload_expires_at=expires_at,
        expire_at=expires_at + timedelta(seconds=settings.upload_grace),
    )


async def _insert_name(file: File, holder: File, claim: IdempotencyKey | None) -> File | None:
    """Store a file as a name of the content that ``holder`` holds.

    Return None if no file holds it any longer.
    """
    # No bytes are ever sent for it.
    fields: dict[str, Any] = {"part_size": None, "expire_at": None, "upload_expires_at": file.created_at}
    fields |= {"status": Status.DUPLICATE, "sha256": holder.sha256}
    found: File | None = holder
    for _ in range(CONTENT_RACES):
        if found is None:
            return None
        name: File = file.model_copy(update=fields | {"duplicate_of": found.id})
        try:
            return await contents.insert_name(name, found, claim)
        except HolderGoneError:
            # Another name holds the content now, if there is one.
            found = await contents.find_holder(name.owner, name.sha256)
    raise ServiceUnavailable("MongoDB")


def _goes_in_parts(settings: Settings, upload_request: UploadRequest) -> bool:
    # S3 cannot assemble an object without parts.
    if upload_request.multipart is None or not upload_request.size:
        return upload_request.size > settings.multipart_threshold
    return upload_request.multipart
