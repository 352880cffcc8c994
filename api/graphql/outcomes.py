"""The types of operations on several files at once."""

from collections.abc import Sequence
from typing import Self

import strawberry

from api.graphql.types import File, Multipart, RequestUploadPayload, Upload
from waybill.files import model
from waybill.files.batch import Outcome
from waybill.files.open_upload import UploadGrant
from waybill.platform.errors import WaybillError


@strawberry.type(description="Why one item of a batch failed.")
class ItemError:
    code: str
    message: str

    @classmethod
    def of(cls, error: WaybillError | None) -> Self | None:
        return None if error is None else cls(code=error.code, message=error.message)


@strawberry.type(
    description="The result of one upload-request: the same as of a single request, or an error."
)
class UploadOutcome:
    file: File | None
    upload: Upload | None
    multipart: Multipart | None
    error: ItemError | None

    @classmethod
    def of(cls, outcome: Outcome[UploadGrant]) -> Self:
        if outcome.value is None:
            return cls(file=None, upload=None, multipart=None, error=ItemError.of(outcome.error))
        answer = RequestUploadPayload.of(outcome.value)
        return cls(file=answer.file, upload=answer.upload, multipart=answer.multipart, error=None)


@strawberry.type(description="One result for each item, in the same order.")
class UploadOutcomes:
    results: Sequence[UploadOutcome]


@strawberry.type(description="The result of one file: the file, or an error.")
class FileOutcome:
    id: strawberry.ID
    file: File | None
    error: ItemError | None

    @classmethod
    def of(cls, file_id: str, outcome: Outcome[model.File]) -> Self:
        return cls(
            id=strawberry.ID(file_id),
            file=None if outcome.value is None else File.of(outcome.value),
            error=ItemError.of(outcome.error),
        )


@strawberry.type(description="One result for each id, in the same order.")
class FileOutcomes:
    results: Sequence[FileOutcome]

    @classmethod
    def of(cls, ids: Sequence[str], outcomes: Sequence[Outcome[model.File]]) -> Self:
        return cls(results=[FileOutcome.of(*each) for each in zip(ids, outcomes, strict=True)])
