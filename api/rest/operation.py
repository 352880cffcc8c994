"""One decorator for a REST operation: what it takes and answers, for the checks and for OpenAPI."""

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
        errors: the codes of its own errors, beside those that any operation can answer.
        query: validates the query, and is shown in OpenAPI, as ``body`` is.
        headers: are only shown.
        media_types: of the body; all are JSON.
        takes_ticket: a ticket in the query stands for a token.
        has_etag: its answers have an ETag, which is only shown.
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
        """Take the handler."""
        self.handler = handler
        return self

    async def endpoint(self, request: Request) -> Response:
        """Answer one request. The token is checked first."""
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


def json_answer(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A model as the body of an answer."""
    return Response(model.model_dump_json(by_alias=True), status, headers, media_type="application/json")


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
