"""The decorator of a REST operation: its parameters and responses, for validation and for OpenAPI."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Concatenate, Self

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.body import JSON, read_json_body
from api.operation_metrics import measured
from waybill.platform.principal import Principal
from waybill.platform.validation import invalid_input

#: The model of a JSON body, the media type of a text, or no body.
Answer = type[BaseModel] | str | None

Handler = Callable[Concatenate[Request, Principal, ...], Awaitable[Response]]


@dataclass(slots=True)
class Operation:
    """A decorator of ``handler(request, principal[, query][, body])``, whose docstring is the summary.

    Attributes:
        answers: by status.
        errors: the codes of its own errors, in addition to those that any operation can return.
        query: validates the query, and is in OpenAPI, like ``body``.
        headers: only in OpenAPI.
        media_types: the media types of the body; all are JSON.
        takes_ticket: a ticket in the query can replace the token.
        has_etag: its responses have an ETag; only in OpenAPI.
    """

    name: str
    _: KW_ONLY
    answers: Mapping[int, Answer]
    errors: tuple[str, ...]
    tag: str = "files"
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    headers: type[BaseModel] | None = None
    media_types: Sequence[str] = (JSON,)
    takes_ticket: bool = False
    has_etag: bool = False
    handler: Handler = field(init=False)

    def __call__(self, handler: Handler) -> Self:
        """Set the handler."""
        self.handler = handler
        return self

    async def endpoint(self, request: Request) -> Response:
        """Serve one request. The token is checked first."""
        return await measured("rest", self.name, self._answer(request))

    async def _answer(self, request: Request) -> Response:
        arguments: list[BaseModel] = []
        principal = await self._principal(request)
        await request.state.resources.rate_limit.admit(principal.owner)
        if self.query is not None:
            arguments.append(_parse_query(request, self.query))
        if self.body is not None:
            arguments.append(_parse_body(await read_json_body(request, self.media_types), self.body))
        return await self.handler(request, principal, *arguments)

    async def _principal(self, request: Request) -> Principal:
        if self.takes_ticket and "authorization" not in request.headers:
            tickets = request.query_params.getlist("ticket")
            if len(tickets) == 1:
                of_ticket: Principal = await request.state.resources.event_tickets.redeem(tickets[0])
                return of_ticket
        of_token: Principal = await request.state.authenticator.principal(request)
        return of_token


operation = Operation

#: The operations of each path, by method.
Paths = Mapping[str, Mapping[str, Operation]]


class ByMethod:
    """The operations of one path. Separate routes would not list each other's methods in a 405."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._endpoints = {method: each.endpoint for method, each in operations.items()}
        if "GET" in self._endpoints:
            self._endpoints["HEAD"] = self._endpoints["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        endpoint = self._endpoints.get(scope["method"])
        if endpoint is None:
            raise HTTPException(405, headers={"Allow": ", ".join(self._endpoints)})
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def json_answer(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response whose body is a model as JSON."""
    return Response(model.model_dump_json(by_alias=True), status, headers, media_type="application/json")


def _parse_query(request: Request, model: type[BaseModel]) -> BaseModel:
    values: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        values.setdefault(name, []).append(value)
    parameters: dict[str, Any] = {}
    for name, given in values.items():
        field, dot, key = name.partition(".")
        if dot and isinstance(_default(model, field), dict):
            # A name that is given twice stays a list, which is not a valid value.
            parameters.setdefault(field, {})[key] = given if len(given) > 1 else given[0]
            continue
        # Several values stay a list, which only a repeatable parameter accepts.
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
