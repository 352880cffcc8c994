"""The OpenAPI document, from the operations and the models that validate."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import WithDefaultSchema

from api.rest.error_answers import error_answers
from api.rest.folder_operations import Operation as FolderOperation
from api.rest.operation import Answer, Operation, Paths
from api.rest.schemas import DeliveryId, OperationId, Problem, UploadAnswer, WebhookId
from api.rest.webhooks import Webhook, WebhookWithSecret
from waybill.files.file_json import File, FileId
from waybill.webhooks.model import PING, Event

#: The ids in paths, by resource and name of the parameter.
_IDS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("files", "id"): {"description": "The file's id.", "schema": TypeAdapter(FileId).json_schema()},
    ("webhooks", "id"): {"description": "The webhook's id.", "schema": TypeAdapter(WebhookId).json_schema()},
    ("webhooks", "deliveryId"): {
        "description": "The delivery's id.",
        "schema": TypeAdapter(DeliveryId).json_schema(),
    },
    ("operations", "id"): {
        "description": "The operation's id.",
        "schema": TypeAdapter(OperationId).json_schema(),
    },
}

#: The codes of errors that any operation can return.
_ANY_OPERATION = ("unauthenticated", "rate_limited", "service_unavailable")

_LOCATION = {
    "required": True,
    "description": "The URL of the resource, or of the bytes.",
    "schema": {"type": "string", "format": "uri-reference"},
}
_ETAG = {
    "required": True,
    "description": "The version of the file. Send it as `If-Match` of `updateFile`.",
    "schema": {"type": "string"},
}

_MESSAGE_HEADERS = {
    "webhook-id": "The id of the message, the same in each attempt.",
    "webhook-timestamp": "The time of this attempt, in seconds since 1970.",
    "webhook-signature": "`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; one for each secret.",
}

_INFO = {
    "title": "Waybill",
    "version": "1",
    "description": "File metadata, presigned URLs and verified uploads."
    " The bytes never pass through this API.",
    "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
}

_TAGS = {
    "files": "Uploads, downloads, and the metadata of files.",
    "webhooks": "URLs that receive events, and the deliveries to them.",
}

#: The summary of each type of message.
_SUMMARIES: Mapping[str, str] = {
    Event.FILE_COMPLETED: "A file was verified.",
    Event.FILE_DUPLICATE: "A file was verified, and has the same content as another file.",
    Event.FILE_FAILED: "Verification of a file failed.",
    Event.FILE_UPDATED: "The name, content type, folder or metadata of a file was updated.",
    Event.FILE_DELETED: "A file was deleted.",
    Event.FILE_PURGED: "The object of a file was removed from the bucket.",
    PING: "A test message without an event.",
}

#: The place of a resource's id in a response of each model.
_ID_IN: Mapping[Answer, tuple[str, str]] = {
    UploadAnswer: ("files", "$response.body#/file/id"),
    File: ("files", "$response.body#/id"),
    WebhookWithSecret: ("webhooks", "$response.body#/webhook/id"),
    Webhook: ("webhooks", "$response.body#/id"),
    FolderOperation: ("operations", "$response.body#/id"),
}

#: The parameters of each model of a query or of headers.
_Parameters = Mapping[type[BaseModel], Sequence[Mapping[str, Any]]]


def openapi(paths: Paths) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of all operations."""
    schemas, parameters = _schemas([each for methods in paths.values() for each in methods.values()])
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/api/v1"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": {
            path: {
                method.lower(): _described(path, each, parameters, paths) for method, each in methods.items()
            }
            for path, methods in paths.items()
        },
        "webhooks": _messages(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


class _SchemaGenerator(GenerateJsonSchema):
    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        # openapi-typescript makes a property with a default required.
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def _schemas(operations: Sequence[Operation]) -> tuple[dict[str, Any], _Parameters]:
    """Return the schemas of bodies and answers by name, and the parameters of queries and headers."""
    places = {each.query: "query" for each in operations} | {each.headers: "header" for each in operations}
    taken = [*places, *(each.body for each in operations)]
    answers = [Problem, *(answer for each in operations for answer in each.answers.values())]
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "validation") for model in taken if model),
        *((model, "serialization") for model in answers if isinstance(model, type)),
    ]
    template = _reference("{model}")["$ref"]
    _, definitions = models_json_schema(models, ref_template=template, schema_generator=_SchemaGenerator)
    schemas = definitions["$defs"]
    # Remove unused components: openapi-python-client drops a component if the name of another is the name
    # that it gives to a part of it.
    return schemas, {
        model: _parameters(schemas.pop(model.__name__), place) for model, place in places.items() if model
    }


def _parameters(model: dict[str, Any], place: str) -> list[dict[str, Any]]:
    parameters = []
    for name, schema in model["properties"].items():
        if "anyOf" in schema:
            # A query and a header have no null.
            [given] = [kind for kind in schema.pop("anyOf") if kind != {"type": "null"}]
            schema.update(given)
        if "propertyNames" in schema:
            # In the query style `form` each property of an object is a parameter. Without an
            # empty default Swagger UI fills in properties of its own.
            schema["default"] = {}
            pattern = schema["propertyNames"]["pattern"].removeprefix("^")
            schema["propertyNames"] = {"pattern": rf"^{name}\.{pattern}"}
        described = {"name": name, "in": place, "required": name in model.get("required", ())}
        parameters.append({**described, "description": schema.get("description", ""), "schema": schema})
    return parameters


def _described(path: str, operation: Operation, parameters: _Parameters, paths: Paths) -> dict[str, Any]:
    resource = path.split("/")[1]
    described: dict[str, Any] = {
        "summary": " ".join((operation.handler.__doc__ or operation.name).split()),
        "operationId": operation.name,
        "tags": [operation.tag],
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, **_IDS[resource, name]}
                for name in re.findall(r"{(\w+)}", path)
            ),
            *(each for model in (operation.query, operation.headers) if model for each in parameters[model]),
        ],
        "responses": {
            **{str(status): _answer(operation, status, paths) for status in operation.answers},
            **error_answers((*_ANY_OPERATION, *operation.errors)),
        },
    }
    if operation.body:
        content = {"schema": _reference(operation.body.__name__)}
        described["requestBody"] = {
            "required": True,
            "content": dict.fromkeys(operation.media_types, content),
        }
    return described


def _answer(operation: Operation, status: int, paths: Paths) -> dict[str, Any]:
    answer = operation.answers[status]
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if isinstance(answer, str):
        described["content"] = {answer: {"schema": {"type": "string"}}}
    elif answer:
        described["content"] = {"application/json": {"schema": _reference(answer.__name__)}}
    # A 201 without a resource, such as a ticket, has no Location.
    is_new = (status == 201 and answer in _ID_IN) or (status == 202 and answer is FolderOperation)
    if status == 307 or is_new:
        described["headers"] = {"Location": _LOCATION}
    if operation.has_etag:
        described["headers"] = {"ETag": _ETAG}
    if answer in _ID_IN:
        described["links"] = _links(*_ID_IN[answer], paths)
    return described


def _links(resource: str, pointer: str, paths: Paths) -> dict[str, Any]:
    """Return links to the operations on a resource whose id is in a response."""
    return {
        each.name: {"operationId": each.name, "parameters": {"id": pointer}}
        for path, methods in paths.items()
        if path.startswith(f"/{resource}/{{id}}") and path.count("{") == 1
        for each in methods.values()
    }


def _reference(model: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model}"}


def _messages() -> dict[str, Any]:
    """Return the messages to webhooks, by type."""
    headers = [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in _MESSAGE_HEADERS.items()
    ]
    answers = {
        "2XX": {"description": "Received. After any other status the message is sent again."},
        "410": {"description": "No longer wanted. Waybill disables the webhook."},
    }
    webhook_id = _IDS["webhooks", "id"]["schema"]
    ping = {"type": "object", "required": ["webhookId"], "properties": {"webhookId": webhook_id}}
    data = {str(event): _reference("File") for event in Event} | {PING: ping}
    return {
        kind: {
            "post": {
                "summary": _SUMMARIES[kind],
                "operationId": _receiver(kind),
                "description": "A message in the form of Standard Webhooks.",
                "security": [],
                "parameters": headers,
                "requestBody": {"content": {"application/json": {"schema": _message(kind, shown)}}},
                "responses": answers,
            }
        }
        for kind, shown in data.items()
    }


def _receiver(kind: str) -> str:
    """Return the name of the operation that receives a type: ``onFileCompleted`` for ``file.completed``."""
    return "on" + "".join(word.capitalize() for word in kind.split("."))


def _message(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    timestamp = {"type": "string", "format": "date-time", "description": "The time of the event."}
    properties = {"type": {"const": kind}, "timestamp": timestamp, "data": data}
    return {"type": "object", "required": list(properties), "properties": properties}
