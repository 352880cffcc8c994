"""What Spectree does not know of the answers: errors by code, headers, and where an answer leads."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from api.body import MAX_BODY
from api.errors import STATUS, headers_of, problem
from waybill.errors import (
    FileNotFound,
    FileTooLarge,
    IdempotencyConflict,
    InvalidInput,
    ObjectMissing,
    PartsMissing,
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
    Unauthenticated,
    WaybillError,
    WrongState,
)
from waybill.file_json import FileId

_FILE_ID = TypeAdapter(FileId).json_schema()
_ID = _FILE_ID["examples"][0]

#: One of each, shown as a caller gets it.
_OUTCOMES: tuple[WaybillError, ...] = (
    Unauthenticated("Send a token: Authorization: Bearer <JWT>."),
    FileNotFound(_ID),
    InvalidInput({"size": "Input should be greater than or equal to 0"}),
    FileTooLarge("A file may have up to 5368709120 bytes.", size=5368709121, limit=5368709120),
    ObjectMissing("The object store does not hold this upload yet.", id=_ID),
    QuotaExceeded(size=1024**3, used=9 * 1024**3, limit=10**10),
    IdempotencyConflict(),
    PartsMissing(_ID, [2, 7]),
    WrongState("The file is deleted. Request a new upload.", id=_ID, fileStatus="COMPLETED"),
    RateLimited("100 per 1 second", 1),
    ServiceUnavailable("MongoDB"),
)
_EXAMPLES = {outcome.code: problem(outcome.code, outcome.message, **outcome.context) for outcome in _OUTCOMES}
_HEADERS_OF = {outcome.code: headers_of(outcome.code, outcome.context) for outcome in _OUTCOMES}
_EXAMPLES |= {
    code: problem(code, detail)
    for code, detail in {
        "request_too_large": f"A request body may have up to {MAX_BODY} bytes.",
        "unsupported_media_type": "Send the body as JSON, with the header Content-Type: application/json.",
    }.items()
}

_HEADERS: Mapping[str, dict[str, Any]] = {
    "Location": {"description": "Where to go on.", "schema": {"type": "string", "format": "uri-reference"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "How to say who you are.", "schema": {"type": "string"}},
}

#: Where in an answer of that model a file's id is.
_ID_IN = {"UploadAnswer": "$response.body#/file/id", "File": "$response.body#/id"}


def complete(document: dict[str, Any], codes: Mapping[str, Sequence[str]]) -> None:
    """Add what is missing in Spectree's document; ``codes`` are each operation's errors."""
    of_a_file = [described["operationId"] for path, described in _operations(document) if "{id}" in path]
    links = {
        model: {name: {"operationId": name, "parameters": {"id": pointer}} for name in of_a_file}
        for model, pointer in _ID_IN.items()
    }
    for _, described in _operations(document):
        for parameter in described["parameters"]:
            if parameter["in"] == "path":
                parameter.update(description="The file's id.", schema=_FILE_ID)
        for status, answer in described["responses"].items():
            errors = [code for code in codes[described["operationId"]] if STATUS[code] == int(status)]
            if errors:
                answer.update(_refusal(errors))
            if described["operationId"] == "followFiles" and status == "200":
                answer["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
            if status in {"201", "307"}:
                answer["headers"] = _documented(["Location"])
            if _model_of(answer) in links:
                answer["links"] = links[_model_of(answer)]


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for described in methods.values():
            yield path, described


def _refusal(codes: Sequence[str]) -> dict[str, Any]:
    """An error answer: these codes and no others, with an example each."""
    schema = {"$ref": "#/components/schemas/Problem"}
    narrowed = {"allOf": [schema, {"properties": {"code": {"enum": list(codes)}}}]}
    examples = {code: {"value": json.loads(bytes(_EXAMPLES[code].body))} for code in codes}
    return {
        "content": {"application/problem+json": {"schema": narrowed, "examples": examples}},
        # All codes of one status have the same headers.
        "headers": _documented(_HEADERS_OF.get(codes[0], ())),
    }


def _documented(names: Sequence[str] | Mapping[str, str]) -> dict[str, Any]:
    return {name: {"required": True, **_HEADERS[name]} for name in names}


def _model_of(answer: Mapping[str, Any]) -> str:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).rpartition("/")[2]
