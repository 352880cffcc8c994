"""GraphQL over HTTP: media types, status codes, and errors with our codes.

Source: GraphQL over HTTP, https://graphql.github.io/graphql-over-http/draft/
"""

from typing import Any

import structlog
from cross_web import AsyncHTTPRequestAdapter, HTTPException, StarletteRequestAdapter
from graphql import GraphQLError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.types import ExecutionResult

from api.body import read_json_body
from api.errors import CODE_OF_STATUS, HEADERS, STATUS, extensions_of
from api.graphql.context import Context
from api.graphql.schema import create_schema
from waybill.errors import ServiceUnavailable, Unauthenticated, WaybillError

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

log = structlog.get_logger(__name__)


class JSONRequestAdapter(StarletteRequestAdapter):
    """A request whose body is JSON of a bounded length, or an error."""

    async def get_body(self) -> bytes:
        """The body, unparsed. Raises as ``read_json_body`` does."""
        return await read_json_body(self._request)


class GraphQLView(GraphQL[Context, None]):
    """Strawberry's view, brought in line with GraphQL over HTTP."""

    request_adapter_class = JSONRequestAdapter

    def __init__(self) -> None:
        super().__init__(create_schema(), graphql_ide=None, subscription_protocols=())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever is refused before execution is a GraphQL response too."""
        request = Request(scope, receive)
        try:
            response = await self.run(request)
        except (HTTPException, StarletteHTTPException) as error:
            status = error.status_code
            message = error.reason if isinstance(error, HTTPException) else error.detail
            if status == 400 and "not allowed when using" in message:
                status, message = 405, "Send mutations by POST."
            response = self._refuse(request, status, message)
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Any) -> Context:
        """What resolvers can reach."""
        assert isinstance(request, Request)  # noqa: S101  # no WebSocket protocol is offered
        # Chosen here, where the request is at hand: `create_response` does not see it.
        response.headers["content-type"] = _media_type(request)
        return Context(request)

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """The operation that a request carries: in its query string (GET) or its JSON body (POST)."""
        if request.method == "GET":
            data: Any = self.parse_query_params(request.query_params)
        else:
            data = self.parse_json(await request.get_body())
        if not isinstance(data, dict):
            raise HTTPException(400, "The body must be a JSON object: operations cannot be batched.")
        for name, kind, text in _PARAMETERS:
            if not isinstance(data.get(name), (kind, type(None))):
                raise HTTPException(400, f"`{name}` must be {text}, if given.")
        if not data.get("query"):
            raise HTTPException(400, "`query` is missing.")
        return GraphQLRequestData(
            query=data["query"],
            variables=data.get("variables"),
            operation_name=data.get("operationName"),
            extensions=data.get("extensions"),
        )

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The response's body, with our code on every error."""
        if not result.errors:
            return {"data": result.data}
        errors = [_formatted(error) for error in result.errors]
        # An error without a path came before execution: then there is no `data`, not even null.
        if result.data is None and not any(error.path for error in result.errors):
            return {"errors": errors}
        return {"data": result.data, "errors": errors}

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Choose the status: of a refusal its own, otherwise what the media type asks for."""
        media_type = sub_response.headers["content-type"]
        status = 200
        code = _refusal(response_data)
        if code is not None:
            status = STATUS[code].value
            response_data.pop("data", None)
        elif "data" not in response_data and media_type == GRAPHQL_JSON:
            # With application/json the draft wants 200 here, for clients from before it.
            status = 400
        return Response(
            self.encode_json(response_data),
            status,
            HEADERS.get(code or ""),
            media_type=f"{media_type}; charset=utf-8",
        )

    def _refuse(self, request: Request, status: int, message: str) -> Response:
        error = {"message": message, "extensions": {"code": CODE_OF_STATUS.get(status, "internal_error")}}
        headers = {"Allow": "GET, POST"} if status == 405 else None
        return Response(
            self.encode_json({"errors": [error]}),
            status,
            headers,
            media_type=f"{_media_type(request)}; charset=utf-8",
        )


_PARAMETERS: tuple[tuple[str, type, str], ...] = (
    ("query", str, "a text"),
    ("operationName", str, "a text"),
    ("variables", dict, "an object"),
    ("extensions", dict, "an object"),
)


def _media_type(request: Request) -> str:
    """What to answer with: the newer type for those who accept it, the older for all others."""
    return GRAPHQL_JSON if GRAPHQL_JSON in request.headers.get("accept", "") else JSON


def _formatted(error: GraphQLError) -> Any:
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if cause is None:
        # Of the request itself: syntax, validation, a value of the wrong type.
        return {**error.formatted, "extensions": {**(error.extensions or {}), "code": "invalid_input"}}
    if isinstance(cause, WaybillError):
        return {**error.formatted, "message": cause.message, "extensions": extensions_of(cause)}
    log.error("unexpected error", path=error.path, exc_info=cause)
    return {
        **error.formatted,
        "message": "Something went wrong on our side. It was logged; a repeat is safe.",
        "extensions": {"code": "internal_error"},
    }


#: Errors that concern the whole request: where nothing else was answered, HTTP says so too.
_OF_THE_REQUEST = frozenset({Unauthenticated.code, ServiceUnavailable.code})


def _refusal(response_data: dict[str, Any]) -> str | None:
    """The code that says why nothing at all was answered, if it is one for all of the request."""
    codes = {error["extensions"]["code"] for error in response_data.get("errors", ())}
    answered = any(value is not None for value in (response_data.get("data") or {}).values())
    return codes.pop() if len(codes) == 1 and codes <= _OF_THE_REQUEST and not answered else None
