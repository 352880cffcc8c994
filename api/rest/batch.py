"""The REST operations on several files at once."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator
from starlette.requests import Request
from starlette.responses import Response

from api.errors import problem_document
from api.rest.operation import json_answer, operation
from api.rest.schemas import Multipart, Problem, Upload, UploadAnswer, UploadHeaders
from waybill.files import model
from waybill.files.batch import MAX_BATCH_ITEMS, Outcome, complete_many, delete_many, request_many
from waybill.files.file_json import File, Schema
from waybill.files.open_upload import UploadGrant
from waybill.files.upload_request import UploadRequest
from waybill.platform.errors import WaybillError
from waybill.platform.principal import Principal

_BODY_ERRORS = ("invalid_input", "request_too_large", "unsupported_media_type")


#: An item whose model is in OpenAPI but which is checked later, so that an invalid item does not fail the
#: others.
Unchecked = Annotated[Any, PlainValidator(lambda item: item, json_schema_input_type=UploadRequest)]


class UploadRequests(BaseModel):
    """The uploads to request. Each has its own result."""

    model_config = ConfigDict(strict=True, extra="forbid")

    items: list[Unchecked] = Field(min_length=1, max_length=MAX_BATCH_ITEMS)


class FileIds(BaseModel):
    """The ids of files. Each has its own result."""

    model_config = ConfigDict(strict=True, extra="forbid")

    ids: list[str] = Field(min_length=1, max_length=MAX_BATCH_ITEMS)


class UploadOutcome(Schema):
    """The result of one upload-request: the same as of a single request, or an error."""

    file: File | None = None
    upload: Upload | None = None
    multipart: Multipart | None = None
    error: Problem | None = None

    @classmethod
    def of(cls, outcome: Outcome[UploadGrant]) -> Self:
        """An outcome as clients see it."""
        if outcome.value is not None:
            return cls(**dict(UploadAnswer.of(outcome.value)))
        return cls(error=_problem(outcome.error))


class UploadOutcomes(Schema):
    """One result for each item, in the same order."""

    results: list[UploadOutcome]


class FileOutcome(Schema):
    """The result of one file: the file, or an error."""

    id: str
    file: File | None = None
    error: Problem | None = None

    @classmethod
    def of(cls, file_id: str, outcome: Outcome[model.File]) -> Self:
        """An outcome as clients see it."""
        if outcome.value is not None:
            return cls(id=file_id, file=File.of(outcome.value))
        return cls(id=file_id, error=_problem(outcome.error))


class FileOutcomes(Schema):
    """One result for each id, in the same order."""

    results: list[FileOutcome]

    @classmethod
    def of(cls, ids: Sequence[str], outcomes: Sequence[Outcome[model.File]]) -> Self:
        """Outcomes as clients see them."""
        return cls(results=[FileOutcome.of(*each) for each in zip(ids, outcomes, strict=True)])


@operation(
    "requestUploads",
    body=UploadRequests,
    headers=UploadHeaders,
    answers={200: UploadOutcomes},
    errors=_BODY_ERRORS,
)
async def request_several(request: Request, principal: Principal, body: UploadRequests) -> Response:
    """Request several uploads. Each has its own result."""
    outcomes = await request_many(
        request.state.resources, principal, body.items, request.headers.get("idempotency-key")
    )
    return json_answer(UploadOutcomes(results=[UploadOutcome.of(outcome) for outcome in outcomes]))


@operation("completeUploads", body=FileIds, answers={200: FileOutcomes}, errors=_BODY_ERRORS)
async def complete_several(request: Request, principal: Principal, body: FileIds) -> Response:
    """Complete several uploads. Each has its own result."""
    outcomes = await complete_many(request.state.resources, principal, body.ids)
    return json_answer(FileOutcomes.of(body.ids, outcomes))


@operation("deleteFiles", body=FileIds, answers={200: FileOutcomes}, errors=_BODY_ERRORS)
async def delete_several(request: Request, principal: Principal, body: FileIds) -> Response:
    """Delete several files. Each has its own result."""
    outcomes = await delete_many(request.state.resources, principal, body.ids)
    return json_answer(FileOutcomes.of(body.ids, outcomes))


def _problem(error: WaybillError | None) -> Problem:
    assert error is not None  # noqa: S101  # an outcome is a value or an error
    return Problem.model_validate(problem_document(error.code, error.message, **error.context))
