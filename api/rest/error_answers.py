"""Error responses in the OpenAPI document: an example of each code, and the headers."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter

from api.body import MAX_BODY_BYTES
from api.errors import STATUS, headers_of, problem_document
from api.rest.schemas import DeliveryId, OperationId, Problem, WebhookId
from waybill.files.file_json import FileId
from waybill.platform.errors import (
    DeliveryNotFound,
    FileNotFound,
    FileTooLarge,
    IdempotencyConflict,
    InvalidInput,
    ObjectMissing,
    OperationNotFound,
    PartsMissing,
    PreconditionFailed,
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
    StoreUnsupported,
    TooManyOperations,
    TooManySubscriptions,
    TooManyWebhooks,
    Unauthenticated,
    WaybillError,
    WebhookDisabled,
    WebhookNotFound,
    WrongState,
)

_FILE, _WEBHOOK, _DELIVERY, _OPERATION = (
    TypeAdapter(id_).json_schema()["examples"][0] for id_ in (FileId, WebhookId, DeliveryId, OperationId)
)

#: One example of each error.
_OUTCOMES: tuple[WaybillError, ...] = (
    Unauthenticated("Send a token: Authorization: Bearer <JWT>."),
    FileNotFound(_FILE),
    WebhookNotFound(_WEBHOOK),
    DeliveryNotFound(_DELIVERY),
    OperationNotFound(_OPERATION),
    InvalidInput({"size": "Input should be greater than or equal to 0"}),
    FileTooLarge("A file can have up to 1000000 bytes, this one has 1048576.", size=1048576, limit=10**6),
    ObjectMissing("The object store does not hold this upload yet. Send the bytes to its URL.", id=_FILE),
    QuotaExceeded(size=1024**3, used=9 * 1024**3, limit=10**10),
    IdempotencyConflict(),
    PartsMissing(_FILE, [2, 7]),
    PreconditionFailed(_FILE),
    WrongState("The file is deleted. Request a new upload.", id=_FILE, fileStatus="COMPLETED"),
    TooManyWebhooks(10),
    TooManySubscriptions(100),
    TooManyOperations(10),
    WebhookDisabled(_WEBHOOK),
    StoreUnsupported("ListParts"),
    RateLimited("100 per 1 second", 1),
    ServiceUnavailable("MongoDB"),
)
_EXAMPLES = {
    outcome.code: problem_document(outcome.code, outcome.message, **outcome.context) for outcome in _OUTCOMES
}
_HEADERS_OF = {outcome.code: headers_of(outcome.code, outcome.context) for outcome in _OUTCOMES}
_EXAMPLES |= {
    code: problem_document(code, detail)
    for code, detail in {
        "request_too_large": f"A request body may have up to {MAX_BODY_BYTES} bytes.",
        "unsupported_media_type": "Send the body as JSON, with the header Content-Type: application/json.",
    }.items()
}

_HEADERS: Mapping[str, dict[str, Any]] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}},
}


def error_answers(codes: Sequence[str]) -> dict[str, Any]:
    """Return the responses of some codes, by status."""
    return {
        str(status.value): _answer(status, [code for code in codes if STATUS[code] is status])
        for status in dict.fromkeys(STATUS[code] for code in codes)
    }


def _answer(status: HTTPStatus, codes: Sequence[str]) -> dict[str, Any]:
    """Return one response, which has only these codes, with an example of each."""
    problem = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    narrowed = {"allOf": [problem, {"properties": {"code": {"enum": codes}}}]}
    examples = {code: {"value": _EXAMPLES[code]} for code in codes}
    return {
        "description": status.phrase,
        "content": {"application/problem+json": {"schema": narrowed, "examples": examples}},
        # All codes of one status have the same headers.
        "headers": {name: {"required": True, **_HEADERS[name]} for name in _HEADERS_OF.get(codes[0], ())},
    }
