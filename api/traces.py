"""Trace requests. A request with a `traceparent` continues the trace of its sender."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.requests import PROBES, template_of
from waybill.platform.tracing import step

_CARRIED = frozenset({b"traceparent", b"tracestate"})


class Traces:
    """Traces each request, except probes. The span's name is the method and the template of the path.

    Installed only if tracing is configured. Not OpenTelemetry's middleware, because that records query
    strings and client addresses.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        carrier = {
            name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _CARRIED
        }
        status = 500

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"]
        with step(method, "server", carrier, {"http.request.method": method}) as traced:
            try:
                await self.app(scope, receive, send_and_see)
            finally:
                template = template_of(scope) or ""
                traced.rename(f"{method} {template}".strip())
                traced.conclude({"http.route": template, "http.response.status_code": status}, status >= 500)
