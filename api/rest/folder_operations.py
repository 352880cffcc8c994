"""The REST operations that work on whole folders: parse, call, render."""

from typing import Self

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.rest.operation import Paths, json_answer, operation
from api.rest.schemas import OperationId, idempotency_key_header
from waybill.files.file_json import Schema, Time
from waybill.files.operations import model
from waybill.files.operations.model import OperationFailure, OperationKind, OperationStatus
from waybill.files.operations.service import (
    FolderDeletion,
    FolderMove,
    delete_folder,
    get_operation,
    move_folder,
)
from waybill.platform.principal import Principal

_ERRORS = (
    *("invalid_input", "idempotency_conflict", "too_many_operations"),
    *("request_too_large", "unsupported_media_type"),
)


class OperationHeaders(BaseModel):
    """The headers of a new operation."""

    idempotency_key: str | None = idempotency_key_header("operation")


class Operation(Schema):
    """An operation on the files that were in a folder, or below it, when it was accepted."""

    id: OperationId
    kind: OperationKind
    folder: str = Field(description="The folder to move or to delete.", examples=["photos/2026/"])
    to: str | None = Field(description="The new path of a move; null for a deletion.")
    status: OperationStatus
    done: int = Field(ge=0, description="The number of files that were moved or deleted.")
    total: int | None = Field(
        ge=0, description="The number of files to move or to delete; null until they are counted."
    )
    failure_reason: OperationFailure | None = Field(
        description="Why the operation is FAILED; null otherwise."
    )
    created_at: Time
    finished_at: Time | None

    @classmethod
    def of(cls, operation: model.Operation) -> Self:
        """A document as clients see it."""
        return cls(
            id=operation.operation_id,
            kind=operation.kind,
            folder=operation.folder,
            to=operation.to,
            status=operation.status,
            done=operation.done,
            total=operation.total,
            failure_reason=operation.failure_reason,
            created_at=operation.created_at,
            finished_at=operation.finished_at,
        )


@operation("moveFolder", body=FolderMove, headers=OperationHeaders, answers={202: Operation}, errors=_ERRORS)
async def move_one(request: Request, principal: Principal, wanted: FolderMove) -> Response:
    """Move all files that are in a folder, or below it, at this moment."""
    key = request.headers.get("idempotency-key")
    return _accepted(request, await move_folder(request.state.resources, principal, wanted, key))


@operation(
    "deleteFolder", body=FolderDeletion, headers=OperationHeaders, answers={202: Operation}, errors=_ERRORS
)
async def delete_one(request: Request, principal: Principal, wanted: FolderDeletion) -> Response:
    """Delete all files that are in a folder, or below it, at this moment."""
    key = request.headers.get("idempotency-key")
    return _accepted(request, await delete_folder(request.state.resources, principal, wanted, key))


@operation("getOperation", answers={200: Operation}, errors=("operation_not_found",))
async def get_one(request: Request, principal: Principal) -> Response:
    """Get an operation, until 7 days after its end."""
    return json_answer(Operation.of(await get_operation(principal, request.path_params["id"])))


def _accepted(request: Request, accepted: model.Operation) -> Response:
    location = {"Location": f"{request.scope['root_path']}/operations/{accepted.operation_id}"}
    return json_answer(Operation.of(accepted), 202, location)


OPERATION_PATHS: Paths = {
    "/folders/move": {"POST": move_one},
    "/folders/delete": {"POST": delete_one},
    "/operations/{id}": {"GET": get_one},
}
