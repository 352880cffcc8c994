"""Operations on whole folders by GraphQL: the types, and the operations that translate."""

from datetime import datetime
from typing import Annotated, Self

import strawberry

from api.graphql.context import Info
from api.graphql.node import Node
from waybill.files.operations import model
from waybill.files.operations.model import OperationFailure, OperationKind, OperationStatus
from waybill.files.operations.service import (
    FolderDeletion,
    FolderMove,
    delete_folder,
    get_operation,
    move_folder,
)
from waybill.platform.validation import parse

OperationKindEnum = strawberry.enum(
    OperationKind, name="OperationKind", description="What an operation does."
)
OperationStatusEnum = strawberry.enum(
    OperationStatus, name="OperationStatus", description="The status of an operation."
)
OperationFailureEnum = strawberry.enum(
    OperationFailure, name="OperationFailureReason", description="Why an operation is FAILED."
)


@strawberry.type(
    description="An operation on the files that were in a folder, or below it, when it was accepted."
)
class Operation(Node):
    kind: OperationKindEnum  # type: ignore[valid-type]
    folder: str = strawberry.field(description="The folder to move or to delete.")
    to: str | None = strawberry.field(description="The new path of a move; null for a deletion.")
    status: OperationStatusEnum  # type: ignore[valid-type]
    done: int = strawberry.field(description="The number of files that were moved or deleted.")
    total: int | None = strawberry.field(
        description="The number of files to move or to delete; null until they are counted."
    )
    failure_reason: OperationFailureEnum | None = strawberry.field(  # type: ignore[valid-type]
        description="Why the operation is FAILED; null otherwise."
    )
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, operation: model.Operation) -> Self:
        return cls(
            id=strawberry.ID(operation.operation_id),
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


@strawberry.type
class OperationQuery:
    @strawberry.field(description="An operation, until 7 days after its end.")
    async def operation(self, info: Info, id: strawberry.ID) -> Operation | None:  # noqa: A002
        return Operation.of(await get_operation(await info.context.principal(), id))


@strawberry.type
class OperationMutation:
    @strawberry.mutation(description="Move all files that are in a folder, or below it, at this moment.")
    async def move_folder(
        self,
        info: Info,
        from_: Annotated[
            str, strawberry.argument(name="from", description="The folder, such as `photos/2026/`.")
        ],
        to: Annotated[str, strawberry.argument(description="Its new path. Empty: the top folder.")],
        idempotency_key: str | None = None,
    ) -> Operation:
        principal = await info.context.principal()
        request = parse(FolderMove, {"from": from_, "to": to})
        return Operation.of(await move_folder(info.context.resources, principal, request, idempotency_key))

    @strawberry.mutation(description="Delete all files that are in a folder, or below it, at this moment.")
    async def delete_folder(
        self,
        info: Info,
        folder: Annotated[str, strawberry.argument(description="The folder, such as `photos/2026/`.")],
        idempotency_key: str | None = None,
    ) -> Operation:
        principal = await info.context.principal()
        request = parse(FolderDeletion, {"folder": folder})
        return Operation.of(await delete_folder(info.context.resources, principal, request, idempotency_key))
