"""What Spectree does not know of the answers: errors by code, headers, and where an answer leads."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from api.body import MAX_BODY_BYTES
from api.errors import STATUS, headers_of, problem
from api.rest.components import correct_schemas
from api.rest.schemas import DeliveryId, WebhookId
from waybill.files.file_json import FileId
from waybill.platform.errors import (
    DeliveryNotFound,
    FileNotFound,
    FileTooLarge,
    IdempotencyConflict,
    InvalidInput,
    ObjectMissing,
    PartsMissing,
    PreconditionFailed,
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
    TooManySubscriptions,
    TooManyWebhooks,
    Unauthenticated,
    WaybillError,
    WebhookDisabled,
    WebhookNotFound,
    WrongState,
)
from waybill.webhooks.model import PING, Event

#: What the ids in paths are, by the resource and the parameter's name.
_IDS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("files", "id"): {"description": "The file's id.", "schema": TypeAdapter(FileId).json_schema()},
    ("webhooks", "id"): {"description": "The webhook's id.", "schema": TypeAdapter(WebhookId).json_schema()},
    ("webhooks", "deliveryId"): {
        "description": "The delivery's id.",
        "schema": TypeAdapter(DeliveryId).json_schema(),
    },
}
_FILE, _WEBHOOK, _DELIVERY = (described["schema"]["examples"][0] for described in _IDS.values())

#: One of each, shown as a caller gets it.
_OUTCOMES: tuple[WaybillError, ...] = (
    Unauthenticated("Send a token: Authorization: Bearer <JWT>."),
    FileNotFound(_FILE),
    WebhookNotFound(_WEBHOOK),
    DeliveryNotFound(_DELIVERY),
    InvalidInput({"size": "Input should be greater than or equal to 0"}),
    FileTooLarge("A file may have up to 5368709120 bytes.", size=5368709121, limit=5368709120),
    ObjectMissing("The object store does not hold this upload yet.", id=_FILE),
    QuotaExceeded(size=1024**3, used=9 * 1024**3, limit=10**10),
    IdempotencyConflict(),
    PartsMissing(_FILE, [2, 7]),
    PreconditionFailed(_FILE),
    WrongState("The file is deleted. Request a new upload.", id=_FILE, fileStatus="COMPLETED"),
    TooManyWebhooks(10),
    TooManySubscriptions(100),
    WebhookDisabled(_WEBHOOK),
    RateLimited("100 per 1 second", 1),
    ServiceUnavailable("MongoDB"),
)
_EXAMPLES = {outcome.code: problem(outcome.code, outcome.message, **outcome.context) for outcome in _OUTCOMES}
_HEADERS_OF = {outcome.code: headers_of(outcome.code, outcome.context) for outcome in _OUTCOMES}
_EXAMPLES |= {
    code: problem(code, detail)
    for code, detail in {
        "request_too_large": f"A request body may have up to {MAX_BODY_BYTES} bytes.",
        "unsupported_media_type": "Send the body as JSON, with the header Content-Type: application/json.",
    }.items()
}

_HEADERS: Mapping[str, dict[str, Any]] = {
    "ETag": {"description": "For `If-Match` of `updateFile`.", "schema": {"type": "string"}},
    "Location": {"description": "Where to go on.", "schema": {"type": "string", "format": "uri-reference"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "How to say who you are.", "schema": {"type": "string"}},
}

_MESSAGE_HEADERS = {
    "webhook-id": "The same whenever this message is sent.",
    "webhook-timestamp": "When this attempt was made, in seconds since 1970.",
    "webhook-signature": "`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; one for each secret.",
}

_TAGS = {
    "files": "Uploads, downloads and what is known of files.",
    "webhooks": "Where events are sent, and what became of each message.",
}

#: What is read above a kind of message, and the name of its receiver in a generated client.
_SUMMARIES: Mapping[str, str] = {
    Event.FILE_COMPLETED: "A file was verified.",
    Event.FILE_DUPLICATE: "A file was verified, and has the content of another.",
    Event.FILE_FAILED: "Verification of a file failed.",
    Event.FILE_UPDATED: "The name, content type, folder or metadata of a file was updated.",
    Event.FILE_DELETED: "A file was deleted.",
    Event.FILE_PURGED: "The object of a deleted file left the bucket.",
    PING: "A message that tells of nothing, to try the receiver.",
}

#: Where in an answer of that model the id of a resource is.
_ID_IN: Mapping[str, tuple[str, str]] = {
    "UploadAnswer": ("files", "$response.body#/file/id"),
    "File": ("files", "$response.body#/id"),
    "WebhookWithSecret": ("webhooks", "$response.body#/webhook/id"),
    "Webhook": ("webhooks", "$response.body#/id"),
}


def complete(
    document: dict[str, Any], codes: Mapping[str, Sequence[str]], media_types: Mapping[str, Sequence[str]]
) -> None:
    """Add what is missing in Spectree's document: each operation's errors, and media types of its body."""
    links = {
        model: {
            described["operationId"]: {
                "operationId": described["operationId"],
                "parameters": {"id": pointer},
            }
            for path, described in _operations(document)
            if path.startswith(f"/{resource}/{{id}}") and path.count("{") == 1
        }
        for model, (resource, pointer) in _ID_IN.items()
    }
    document["info"]["license"] = {"name": "Apache 2.0", "identifier": "Apache-2.0"}
    document["webhooks"] = _messages()
    for tag in document["tags"]:
        tag["description"] = _TAGS[tag["name"]]
    for path, described in _operations(document):
        for parameter in described["parameters"]:
            if parameter["in"] == "query" and "propertyNames" in parameter["schema"]:
                # By the style of a query, `form`, an object is spread: each property is a parameter.
                del parameter["schema"]["default"]
                pattern = parameter["schema"]["propertyNames"]["pattern"].removeprefix("^")
                parameter["schema"]["propertyNames"] = {"pattern": rf"^{parameter['name']}\.{pattern}"}
            if parameter["in"] == "path":
                parameter.update(_IDS[path.split("/")[1], parameter["name"]])
        if body := described.get("requestBody"):
            taken = media_types[described["operationId"]]
            body["content"] = dict.fromkeys(taken, body["content"]["application/json"])
        for status, answer in described["responses"].items():
            errors = [code for code in codes[described["operationId"]] if STATUS[code] == int(status)]
            if errors:
                answer.update(_refusal(errors))
            if described["operationId"] == "followFiles" and status == "200":
                answer["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
            # A 201 without a resource of its own, as that of a ticket, leads nowhere.
            if status == "307" or (status == "201" and _model_of(answer) in links):
                answer["headers"] = _documented(["Location"])
            if described["operationId"] in {"getFile", "updateFile"} and status == "200":
                answer["headers"] = _documented(["ETag"])
            if _model_of(answer) in links:
                answer["links"] = links[_model_of(answer)]
    correct_schemas(document)


def _messages() -> dict[str, Any]:
    """What webhooks are sent, by its kind."""
    headers = [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in _MESSAGE_HEADERS.items()
    ]
    answers = {
        "2XX": {"description": "Received. After any other answer the message is sent again."},
        "410": {"description": "Not wanted any more: the webhook is disabled."},
    }
    webhook_id = _IDS["webhooks", "id"]["schema"]
    ping = {"type": "object", "required": ["webhookId"], "properties": {"webhookId": webhook_id}}
    data = {str(event): {"$ref": "#/components/schemas/File"} for event in Event} | {PING: ping}
    return {
        kind: {
            "post": {
                "summary": _SUMMARIES[kind],
                "operationId": _receiver(kind),
                "description": "A message of the form that Standard Webhooks gives it.",
                "security": [],
                "parameters": headers,
                "requestBody": {"content": {"application/json": {"schema": _message(kind, shown)}}},
                "responses": answers,
            }
        }
        for kind, shown in data.items()
    }


def _receiver(kind: str) -> str:
    """Return the name of the operation that receives a kind: ``onFileCompleted`` for ``file.completed``."""
    return "on" + "".join(word.capitalize() for word in kind.split("."))


def _message(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    timestamp = {"type": "string", "format": "date-time", "description": "When it happened."}
    properties = {"type": {"const": kind}, "timestamp": timestamp, "data": data}
    return {"type": "object", "required": list(properties), "properties": properties}


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
