"""One decorator for a REST operation: what it takes and answers, for the checks and for OpenAPI."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate

from pydantic import BaseModel, ValidationError
from spectree import Response as Answers
from spectree import SecurityScheme, SpecTree
from spectree.config import ModeEnum
from spectree.models import SecureType, SecuritySchemeData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from api.body import JSON, read_json_body
from api.errors import STATUS
from api.operation_metrics import measured
from api.rest.document import complete
from api.rest.schemas import Problem
from waybill.platform.principal import Principal
from waybill.platform.validation import invalid_input

#: Any operation can answer these.
_ALWAYS = ("unauthenticated", "rate_limited", "service_unavailable")

#: The error codes of each operation, by its name.
_codes: dict[str, tuple[str, ...]] = {}

#: The media types of each operation's body, by its name.
_media_types: dict[str, Sequence[str]] = {}

_spec = SpecTree(
    "starlette",
    title="Waybill",
    version="1",
    description="File metadata, presigned URLs and verified uploads. The bytes never pass through this API.",
    openapi_version="3.1.0",
    security_schemes=[
        SecurityScheme(
            name="bearer",
            data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer", bearer_format="JWT"),
        )
    ],
    security={"bearer": []},
    servers=[{"url": "/api/v1"}],
    annotations=False,
    mode=ModeEnum.strict,
    # Spectree adds its own validation error where a status is not described; this one always is.
    validation_error_status=STATUS["unauthenticated"].value,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _, name: name,
)


Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint, and the same as Spectree wants it, whose wrapper costs each request some microseconds."""

    endpoint: Endpoint
    documented: Endpoint


#: The operations of each path, by method.
Paths = Mapping[str, Mapping[str, Operation]]


class ByMethod:
    """The operations of one path. As routes of their own each would deny the others in its 405."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._endpoints = {method: each.endpoint for method, each in operations.items()}
        if "GET" in self._endpoints:
            self._endpoints["HEAD"] = self._endpoints["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        endpoint = self._endpoints.get(scope["method"])
        if endpoint is None:
            raise HTTPException(405, headers={"Allow": ", ".join(self._endpoints)})
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def operation(
    name: str,
    *,
    answers: Mapping[int, type[BaseModel] | None],
    tag: str = "files",
    errors: tuple[str, ...],
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    headers: type[BaseModel] | None = None,
    media_types: Sequence[str] = (JSON,),
    takes_ticket: bool = False,
) -> Callable[[Callable[Concatenate[Request, Principal, ...], Awaitable[Response]]], Operation]:
    """Turn ``handler(request, principal[, query][, body])`` into an endpoint.

    The token is checked first, then query and body are validated by the very models that OpenAPI shows.
    ``headers`` are only shown. A body has one of ``media_types``, all of which are JSON. With
    ``takes_ticket`` a ticket in the query stands for a token.
    """
    documented: dict[str, Any] = {f"HTTP_{status}": model for status, model in answers.items()}
    _codes[name] = (*_ALWAYS, *errors)
    _media_types[name] = media_types
    for code in _codes[name]:
        documented[f"HTTP_{STATUS[code]}"] = Problem

    def decorate(handler: Callable[Concatenate[Request, Principal, ...], Awaitable[Response]]) -> Operation:
        async def answer(request: Request) -> Response:
            arguments: list[BaseModel] = []
            principal = await _principal(request, takes_ticket=takes_ticket)
            await request.state.resources.rate_limit.admit(principal.owner)
            if query is not None:
                arguments.append(_parse_query(request, query))
            if body is not None:
                arguments.append(_parse_body(await read_json_body(request, media_types), body))
            return await handler(request, principal, *arguments)

        async def endpoint(request: Request) -> Response:
            return await measured("rest", name, answer(request))

        endpoint.__doc__ = handler.__doc__
        endpoint.__name__ = handler.__name__
        # Documents only: its own validation lets a body with another content type pass unseen.
        shown = _spec.validate(
            query=query,
            json=body,
            headers=headers,
            resp=Answers(**documented),
            tags=(tag,),
            operation_id=name,
            skip_validation=True,
        )(endpoint)
        return Operation(endpoint, shown)

    return decorate


def json_answer(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A model as the body of an answer."""
    return Response(model.model_dump_json(by_alias=True), status, headers, media_type="application/json")


def openapi(paths: Paths) -> dict[str, Any]:
    """The OpenAPI 3.1 document of all operations."""
    _spec.app = Router(
        [
            Route(path, each.documented, methods=[method])
            for path, operations in paths.items()
            for method, each in operations.items()
        ]
    )
    document: dict[str, Any] = _spec.spec
    complete(document, _codes, _media_types)
    return document


async def _principal(request: Request, *, takes_ticket: bool) -> Principal:
    if takes_ticket and "authorization" not in request.headers:
        tickets = request.query_params.getlist("ticket")
        if len(tickets) == 1:
            of_ticket: Principal = await request.state.resources.event_tickets.redeem(tickets[0])
            return of_ticket
    of_token: Principal = await request.state.authenticator.principal(request)
    return of_token


def _parse_query(request: Request, model: type[BaseModel]) -> BaseModel:
    values: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        values.setdefault(name, []).append(value)
    parameters: dict[str, Any] = {}
    for name, given in values.items():
        field, dot, key = name.partition(".")
        if dot and isinstance(_default(model, field), dict):
            # A name that is given twice stays a list, which is no value of a pair.
            parameters.setdefault(field, {})[key] = given if len(given) > 1 else given[0]
            continue
        # Several values stay a list, which only a parameter that may be repeated accepts.
        is_list = isinstance(_default(model, name), list)
        parameters[name] = given if is_list or len(given) > 1 else given[0]
    try:
        return model.model_validate(parameters)
    except ValidationError as error:
        raise invalid_input(error) from None


def _default(model: type[BaseModel], name: str) -> object:
    return model.model_fields[name].default if name in model.model_fields else None


def _parse_body(body: bytes, model: type[BaseModel]) -> BaseModel:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid_input(error) from None
