"""Give each request an id, which is in its log lines, its jobs and its response, and log the request."""

import logging
import random
import re
from time import perf_counter

from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, get_contextvars

from waybill.platform import tracing
from waybill.platform.logging import RequestLog
from waybill.platform.redis.messages import REQUEST_ID

#: The ids that a client or a proxy may choose.
_SANE = re.compile(rb"[\w.:+/=@-]{1,128}", re.ASCII)

#: Probes are frequent, and logged at DEBUG if they succeed.
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

#: The messages that begin a response. A WebSocket begins with a change of protocol.
_ANSWERS = frozenset({"http.response.start", "websocket.http.response.start", "websocket.accept"})

HEADER = "X-Request-ID"
_HEADER = HEADER.lower().encode()

log = RequestLog(__name__)


class Requests:
    """Gives each request an id, and logs one line when the request ends or its WebSocket closes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        # The id is not a secret, so it needs no random bytes of the system.
        request_id = _given_id(scope) or f"{random.getrandbits(128):032x}"
        # Bound in the context of this request's task, which ends with it, so it need not be unbound.
        bind_contextvars(**{REQUEST_ID: request_id})
        header = (_HEADER, request_id.encode())
        # If the application sends no response: it failed, or refused the WebSocket.
        status = 500 if scope["type"] == "http" else 403

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in _ANSWERS:
                status = message.get("status", 101)
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        began = perf_counter()
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            _log(scope, status, perf_counter() - began, request_id)


def current_id() -> str:
    """Return the id of the current request."""
    return str(get_contextvars().get(REQUEST_ID, ""))


def _given_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == _HEADER:
            return value.decode() if _SANE.fullmatch(value) else None
    return None


def template_of(scope: Scope) -> str | None:
    """Return the template of the requested path, such as `/files/{id}`, or None if there is no such path."""
    route = scope.get("route")
    if route is None:
        return None
    # If no route below a mount matches, the router leaves the mount itself here.
    return str(scope["root_path"] if isinstance(route, Mount) else scope.get("root_path", "") + route.path)


def _log(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    # The template and not the path, which contains ids, and never a query string, which may contain secrets.
    template = template_of(scope)
    level = logging.DEBUG if template in PROBES and status < 400 else logging.INFO
    facts = (("method", scope.get("method", "GET")), ("route", template), ("status", status))
    ids = get_contextvars() if tracing.is_on() else {REQUEST_ID: request_id}
    log.write(level, facts, seconds * 1000, ids)
