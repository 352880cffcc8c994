"""Accept operations on folders, and find them again."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from waybill.files import idempotency
from waybill.files.folder import MAX_FOLDER_BYTES, Folder, check_folder
from waybill.files.operations import repository
from waybill.files.operations.model import Operation, OperationId, OperationKind
from waybill.files.operations.send import send_next
from waybill.files.upload_request import check_idempotency_key
from waybill.platform.errors import IdempotencyConflict, InvalidInput
from waybill.platform.principal import Principal
from waybill.platform.times import to_milliseconds
from waybill.resources import Resources


def _check_not_top(folder: str) -> str:
    if not folder:
        raise ValueError("must name a folder such as photos/2026/; the top cannot be moved or deleted")
    return folder


#: Not the top folder, because a folder that is empty by mistake would select all files of the owner.
NamedFolder = Annotated[
    str,
    AfterValidator(check_folder),
    AfterValidator(_check_not_top),
    Field(
        json_schema_extra={
            "minLength": 2,
            "maxLength": MAX_FOLDER_BYTES,
            "pattern": r"^([^/\\\x00-\x1f\x7f-\x9f]+/)+$",
            "examples": ["photos/2026/"],
        }
    ),
]


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class FolderMove(_Request):
    """A folder to move."""

    from_: NamedFolder = Field(alias="from", description="The folder, which moves with all folders below it.")
    to: Folder = Field(
        description="Its new path, which may already exist. Empty: the contents go to the top folder."
    )


class FolderDeletion(_Request):
    """A folder to delete, with all folders below it."""

    folder: NamedFolder


async def move_folder(
    resources: Resources, principal: Principal, request: FolderMove, idempotency_key: str | None = None
) -> Operation:
    """Accept the move of all files that are in a folder, or below it, at this moment.

    A repeat with the same ``idempotency_key`` returns the same operation, for a day.

    Raises:
        InvalidInput: ``to`` is the folder itself or below it, or the key is malformed.
        IdempotencyConflict: the key was used for another request.
        TooManyOperations: the owner has too many open operations.
        ServiceUnavailable: MongoDB is unavailable; a repeat with a key is safe.
    """
    if request.to.startswith(request.from_):
        raise InvalidInput({"to": "must not be the folder itself, or a folder below it"})
    fields = {"kind": OperationKind.MOVE_FOLDER, "folder": request.from_, "to": request.to}
    return await _accept(resources, principal, fields, idempotency_key)


async def delete_folder(
    resources: Resources, principal: Principal, request: FolderDeletion, idempotency_key: str | None = None
) -> Operation:
    """Accept the deletion of all files that are in a folder, or below it, at this moment.

    Raises the same errors as ``move_folder``.
    """
    fields = {"kind": OperationKind.DELETE_FOLDER, "folder": request.folder}
    return await _accept(resources, principal, fields, idempotency_key)


async def get_operation(principal: Principal, operation_id: str) -> Operation:
    """Return an operation of the caller. Raises OperationNotFound."""
    return await repository.find(operation_id, principal.owner)


async def _accept(
    resources: Resources, principal: Principal, fields: dict[str, Any], idempotency_key: str | None
) -> Operation:
    now = datetime.now(UTC)
    operation_id = repository.new_id()
    if idempotency_key is not None:
        check_idempotency_key(idempotency_key)
        operation_id = await _claim(principal, idempotency_key, fields, operation_id)
        known = await repository.find_known(operation_id)
        if known is not None:
            return known
    # One millisecond later, so that all acknowledged files are before it.
    created_at = to_milliseconds(now) + timedelta(milliseconds=1)
    accepted = await repository.insert(operation_id, principal.owner, created_at=created_at, **fields)
    await send_next(resources, principal.owner)
    return accepted


async def _claim(
    principal: Principal, key: str, fields: dict[str, Any], operation_id: OperationId
) -> OperationId:
    digest = hashlib.sha256(repr(sorted(fields.items())).encode()).hexdigest()
    # Keys of upload requests begin with a number.
    claim = await idempotency.claim(principal.owner, f"operation:{key}", digest, operation_id)
    if claim.announced != digest:
        raise IdempotencyConflict
    return claim.file
