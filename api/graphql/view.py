"""GraphQL over HTTP: media types, status codes, and errors with our codes.

Source: GraphQL over HTTP, https://graphql.github.io/graphql-over-http/draft/
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from json import JSONDecodeError
from typing import Any

from cross_web import AsyncHTTPRequestAdapter, HTTPException, StarletteRequestAdapter
from graphql import GraphQLError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry import UNSET
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType

from api.body import parse_json, read_json_body
from api.errors import CODE_OF_STATUS, STATUS, headers_of
from api.graphql.accept import best_of
from api.graphql.context import Context
from api.graphql.parameters import wrong_parameter
from api.graphql.schema import create_schema
from api.graphql.socket import Handler, Socket
from waybill.platform.errors import RateLimited, ServiceUnavailable, Unauthenticated

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

#: How long a client may take to send `connection_init` after it has opened a WebSocket.
CONNECTION_INIT_TIMEOUT = timedelta(seconds=10)

#: The most parallel operations on one WebSocket.
MAX_SUBSCRIPTIONS = 1000

#: Close codes of graphql-transport-ws, and of WebSockets (RFC 6455 and IANA's registry).
FORBIDDEN = 4403
TRY_AGAIN_LATER = 1013


class ApolloRefusalError(Exception):
    """Raised to refuse features of Apollo's servers, with the error codes that Apollo's clients know."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class JSONRequestAdapter(StarletteRequestAdapter):
    """A request whose body must be JSON of limited length."""

    async def get_body(self) -> bytes:
        """Return the body, unparsed. Raises the same errors as ``read_json_body``."""
        return await read_json_body(self._request)


class GraphQLView(GraphQL[Context, None]):
    """Strawberry's view, adapted to GraphQL over HTTP."""

    request_adapter_class = JSONRequestAdapter
    websocket_adapter_class = Socket
    graphql_transport_ws_handler_class = Handler

    def __init__(
        self,
        show_ide: Callable[[Request], Awaitable[Response]],
        *,
        introspection: bool,
        is_allowed_origin: Callable[[str], bool],
    ) -> None:
        super().__init__(
            create_schema(introspection=introspection),
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=CONNECTION_INIT_TIMEOUT,
            max_subscriptions_per_connection=MAX_SUBSCRIPTIONS,
        )
        self._show_ide = show_ide
        self._is_allowed_origin = is_allowed_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. An error before execution is a GraphQL response too."""
        if scope["type"] == "websocket":
            await self._serve_websocket(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        try:
            if _media_type(request) is None and not _is_page_request(request):
                raise HTTPException(406, f"The response can be {GRAPHQL_JSON} or {JSON}.")
            response = await self.run(request)
        except (HTTPException, StarletteHTTPException) as error:
            message = error.reason if isinstance(error, HTTPException) else error.detail
            response = self._refuse(request, error.status_code, message)
        except ApolloRefusalError as error:
            response = self._refuse(request, error.status, str(error), error.code)
        await response(scope, receive, send)

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        """Return whether to respond with GraphiQL."""
        return _is_page_request(request)

    async def render_graphql_ide(self, request: Request) -> Response:
        """Return GraphiQL."""
        return await self._show_ide(request)

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:
        """Return whether pages of another origin may connect, by WAYBILL_CORS_ORIGINS."""
        return self._is_allowed_origin(origin)

    async def on_ws_connect(self, context: Context) -> UnsetType:
        """Accept a client whose token is valid, until the token expires.

        Then the connection is closed, and not only its subscriptions, so that the client connects again with
        a new token and subscribes again.
        """
        try:
            await context.end_with_token(FORBIDDEN)
        except Unauthenticated as error:
            raise ConnectionRejectionError from error
        except ServiceUnavailable as error:
            await context.close(TRY_AGAIN_LATER, error.message)
            raise WebSocketDisconnected from error
        unset: UnsetType = UNSET
        return unset

    async def _serve_websocket(self, websocket: WebSocket) -> None:
        context = Context(websocket)
        try:
            await self.run(websocket, context=context)
        finally:
            context.forget()

    async def get_context(self, request: Request | WebSocket, response: Any) -> Context:
        """Return the context for resolvers."""
        assert isinstance(request, Request)  # noqa: S101  # a WebSocket's is made with it
        # Chosen here, because `create_response` has no access to the request.
        response.headers["content-type"] = _media_type(request) or JSON
        return Context(request)

    def parse_json(self, data: str | bytes) -> Any:
        """Parse the JSON of a request. Raises HTTPException 400 if it is not JSON."""
        try:
            return self.decode_json(data)
        except ValueError as error:
            raise HTTPException(400, "Unable to parse the request as JSON.") from error

    def decode_json(self, data: str | bytes) -> object:
        """Parse JSON like REST. Also called for the messages of a WebSocket.

        Raises:
            JSONDecodeError: the data is not JSON. Only after this error Strawberry closes a WebSocket.
        """
        try:
            return parse_json(data)
        except ValueError as error:
            raise JSONDecodeError(str(error), "", 0) from None

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """Return the operation of a request, from its query string (GET) or its JSON body (POST)."""
        if request.method == "GET":
            data: Any = self.parse_query_params(request.query_params)
        else:
            data = self.parse_json(await request.get_body())
        if isinstance(data, list):
            message = "Batches of operations are not supported. Send each operation in its own request."
            raise ApolloRefusalError(400, "BATCHING_NOT_ENABLED", message)
        if not isinstance(data, dict):
            raise HTTPException(400, "The body must be a JSON object.")
        if problem := wrong_parameter(data):
            raise HTTPException(400, problem)
        if not data.get("query"):
            if "persistedQuery" in (data.get("extensions") or {}):
                # After 200 and this message Apollo's clients send the document itself.
                raise ApolloRefusalError(200, "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
            raise HTTPException(400, "`query` is missing.")
        return GraphQLRequestData(
            query=data["query"],
            variables=data.get("variables"),
            operation_name=data.get("operationName") or None,
            extensions=data.get("extensions"),
        )

    async def execute_single(  # noqa: PLR0917  # Strawberry's signature
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Run one operation. GET runs queries only, because a link must not change anything."""
        is_get = request_adapter.method == "GET"
        try:
            return await self.schema.execute(
                request_data.query,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=_QUERIES if is_get else _BY_POST,
            )
        except CannotGetOperationTypeError as error:
            reason = error.as_http_error_reason()
            return ExecutionResult(data=None, errors=[GraphQLError(reason, extensions=_INVALID_INPUT)])
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION:
                raise HTTPException(400, "Subscribe by a WebSocket (graphql-transport-ws).") from None
            raise HTTPException(405, "Only queries may be sent by GET. Send this one by POST.") from None

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Return the body of the response, with our code in every error."""
        if not result.errors:
            return {"data": result.data}
        errors: list[Any] = [error.formatted for error in result.errors]
        # An error without a path was raised before execution. Then there is no `data`, not even null.
        if result.data is None and not any(error.path for error in result.errors):
            return {"errors": errors}
        return {"data": result.data, "errors": errors}

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Choose the status: that of the error if the whole request failed, otherwise by media type."""
        media_type = sub_response.headers["content-type"]
        status = 200
        headers = {"Vary": "Accept"}
        refusal = _refusal(response_data)
        if refusal is not None:
            status = STATUS[refusal["code"]].value
            headers |= headers_of(refusal["code"], refusal)
            response_data.pop("data", None)
        elif "data" not in response_data and media_type == GRAPHQL_JSON:
            # With application/json the draft requires 200 here, for older clients.
            status = 400
        return Response(
            self.encode_json(response_data),
            status,
            headers,
            media_type=f"{media_type}; charset=utf-8",
        )

    def _refuse(self, request: Request, status: int, message: str, code: str | None = None) -> Response:
        code = code or CODE_OF_STATUS.get(status, "internal_error")
        error = {"message": message, "extensions": {"code": code}}
        headers = {"Allow": "GET, POST"} if status == 405 else None
        return Response(
            self.encode_json({"errors": [error]}),
            status,
            headers,
            media_type=f"{_media_type(request) or JSON}; charset=utf-8",
        )


_QUERIES = {OperationType.QUERY}
_BY_POST = {OperationType.QUERY, OperationType.MUTATION}
_INVALID_INPUT = {"code": "invalid_input"}


def _is_page_request(request: Request | BaseRequestProtocol) -> bool:
    """Return whether a browser requests a page. A program that accepts anything gets JSON."""
    accept = request.headers.get("accept", "")
    return request.method == "GET" and "query" not in request.query_params and "text/html" in accept


def _media_type(request: Request) -> str | None:
    """Return the media type of the response: the newer type if the client names it, otherwise the older."""
    return best_of(request.headers.get("accept", ""), (JSON, GRAPHQL_JSON))


#: Errors of the whole request. If there is no other result, they decide the HTTP status.
_OF_THE_REQUEST = frozenset({Unauthenticated.code, RateLimited.code, ServiceUnavailable.code})


def _refusal(response_data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the extensions of the error that made the whole request fail, or None."""
    reasons = [error["extensions"] for error in response_data.get("errors", ())]
    codes = {reason["code"] for reason in reasons}
    answered = any(value is not None for value in (response_data.get("data") or {}).values())
    return reasons[-1] if len(codes) == 1 and codes <= _OF_THE_REQUEST and not answered else None
