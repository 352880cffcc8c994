"""The document of an operation, and its indexes."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

import pymongo
from beanie import Document, PydanticObjectId
from pydantic import Field

OperationId = PydanticObjectId


class OperationKind(StrEnum):
    """What an operation does."""

    MOVE_FOLDER = "MOVE_FOLDER"
    DELETE_FOLDER = "DELETE_FOLDER"


class OperationStatus(StrEnum):
    """The status of an operation."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class OperationFailure(StrEnum):
    """Why an operation is FAILED."""

    FOLDER_TOO_LONG = "FOLDER_TOO_LONG"
    INTERNAL = "INTERNAL"


#: How long an operation can be read after its end.
OPERATION_RETENTION = timedelta(days=7)


class Operation(Document):
    """An operation on the files that were in a folder when it was accepted.

    ``due_at`` is the outbox, like that of a file: from that time on the operation needs a job. Only an open
    one has it, and a ``slot``, which limits how many an owner can have. ``attempt`` is in the message of the
    next job, and then of the job that runs: no other job may write.

    A file is in the operation if it was requested before ``created_at``, by the clock that sets the time of
    files, and came into its folder before ``accepted_at``, by MongoDB's clock, which sets ``File.placed_at``.
    """

    id: OperationId
    owner: str
    slot: int | None = None
    kind: OperationKind
    folder: str
    to: str | None = None
    created_at: datetime
    accepted_at: datetime

    status: OperationStatus = OperationStatus.PENDING
    done: int = 0
    # Known when all files have been counted.
    total: int | None = None
    failure_reason: OperationFailure | None = None
    # Jobs that a defect has ended. An outage does not count.
    failures: int = 0
    finished_at: datetime | None = None

    # The files counted so far; the folder, time and id of the last file that was counted or planned; and the
    # files of the current step.
    counted: int = 0
    after: list[Any] | None = None
    plan: list[PydanticObjectId] = Field(default=[])

    due_at: datetime | None = None
    attempt: str | None = None

    class Settings:
        name = "operations"
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            pymongo.IndexModel(
                [("owner", 1), ("slot", 1)],
                name="slots",
                unique=True,
                partialFilterExpression={"slot": {"$exists": True}},
            ),
            pymongo.IndexModel(
                [("owner", 1), ("due_at", 1)],
                name="due",
                partialFilterExpression={"due_at": {"$exists": True}},
            ),
            pymongo.IndexModel(
                [("finished_at", 1)],
                name="old",
                expireAfterSeconds=int(OPERATION_RETENTION.total_seconds()),
            ),
        ]

    @property
    def operation_id(self) -> str:
        """The id in the form that clients use."""
        return str(self.id)
