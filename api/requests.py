"""What every request is known by: an id, which its log lines, its jobs and its answer carry."""

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

#: An id that a client, or a proxy before us, may choose.
_SANE = re.compile(rb"[\w.:+/=@-]{1,128}", re.ASCII)

#: What looks after us all day long, and says little.
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

#: How an answer begins, that of a WebSocket by a change of protocol.
_ANSWERS = frozenset({"http.response.start", "websocket.http.response.start", "websocket.accept"})

HEADER = "X-Request-ID"
_HEADER = HEADER.lower().encode()

log = RequestLog(__name__)


class Requests:
    """Gives each request its id, and writes one line for it once it is over, as when a WebSocket closes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        # A name and no secret, for which the system need not be asked.
        request_id = _given_id(scope) or f"{random.getrandbits(128):032x}"
        # For as long as the task lasts that serves this request, so nothing needs to take it back.
        bind_contextvars(**{REQUEST_ID: request_id})
        header = (_HEADER, request_id.encode())
        # Unless the application says: it failed, or did not take the WebSocket.
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
    """The id of the request that is being served."""
    return str(get_contextvars().get(REQUEST_ID, ""))


def _given_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == _HEADER:
            return value.decode() if _SANE.fullmatch(value) else None
    return None


def template_of(scope: Scope) -> str | None:
    """The template of the path that was asked for, as `/files/{id}`; None where there is no such path."""
    route = scope.get("route")
    if route is None:
        return None
    # Below a mount the router leaves the mount itself where nothing of it fits.
    return str(scope["root_path"] if isinstance(route, Mount) else scope.get("root_path", "") + route.path)


def _log(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    # Not the path, which holds ids; and never a query string, which may hold anything.
    template = template_of(scope)
    level = logging.DEBUG if template in PROBES and status < 400 else logging.INFO
    facts = (("method", scope.get("method", "GET")), ("route", template), ("status", status))
    ids = get_contextvars() if tracing.is_on() else {REQUEST_ID: request_id}
    log.write(level, facts, seconds * 1000, ids)
