"""The job dashboard at /dashboard: dramatiq-dashboard behind a door."""

import re
from urllib.parse import parse_qs

from a2wsgi import WSGIMiddleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq_dashboard import DashboardApp
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from api.body import MAX_BODY_BYTES, read_body
from api.errors import headers_of
from api.pages.views import Pages
from waybill.platform.errors import Forbidden, ServiceUnavailable, Unauthenticated
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import QUEUES
from waybill.platform.settings import Settings

PREFIX = "/dashboard"
COOKIE = "waybill_dashboard"

_CSRF_COOKIE = re.compile(r"__dd_csrf=[0-9a-f]{64}(?=;|$)")
_ADMINS_ONLY = "The token is good, but not an administrator's."


class Dashboard:
    """dramatiq-dashboard, for administrators; on the embedded stack for everybody who reaches the port."""

    def __init__(self, settings: Settings, broker: RedisBroker, pages: Pages) -> None:
        # It lists the queues that its broker knows, and no actor is imported here that would declare them.
        for queue in QUEUES.values():
            broker.declare_queue(queue)
        self._is_open = settings.embedded
        self._pages = pages
        # A WSGI application, so in threads: it never holds up the event loop.
        self._wsgi = WSGIMiddleware(DashboardApp(broker, PREFIX), workers=4)

    @property
    def routes(self) -> list[BaseRoute]:
        """Everything at and below /dashboard."""
        sign_in = [] if self._is_open else [Route(f"{PREFIX}/sign-in", self._sign_in, methods=["POST"])]
        return [*sign_in, Route(PREFIX, self), Route(f"{PREFIX}/{{path:path}}", self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the dashboard answer one request, if it may."""
        request = Request(scope, receive)
        _check_length(request)
        refusal = None if self._is_open else await self._refusal(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        try:
            await self._wsgi(_for_dashboard(request), receive, send)  # type: ignore[arg-type]
        except RedisError as error:
            raise ServiceUnavailable("Redis") from error
        except (KeyError, ValueError) as error:
            # It trusts its input: this is how a missing field or a number that is none comes out.
            raise HTTPException(400, "The dashboard does not understand this request.") from error

    async def _refusal(self, request: Request) -> Response | None:
        """Why not, if not: a problem document to a program that sends a header, the form to a browser.

        Raises:
            Unauthenticated, Forbidden: the header's token is not good, or not an administrator's.
        """
        authenticator = request.state.authenticator
        if "authorization" in request.headers:
            principal: Principal = await authenticator.principal(request)
            if not principal.admin:
                raise Forbidden(_ADMINS_ONLY)
            return None
        if COOKIE not in request.cookies:
            return self._form(401)
        return await self._refusal_of(request, request.cookies[COOKIE], "Your token is no longer valid.")

    async def _refusal_of(self, request: Request, token: str, message: str) -> Response | None:
        """The form again, with what is wrong, unless the token is an administrator's."""
        try:
            principal = await request.state.authenticator.principal_of(token)
        except Unauthenticated:
            return self._form(401, message)
        return None if principal.admin else self._form(403, _ADMINS_ONLY)

    async def _sign_in(self, request: Request) -> Response:
        """Trade a token for a cookie. It lasts as long as the browser's session, or the token."""
        fields = parse_qs((await read_body(request, MAX_BODY_BYTES)).decode("latin-1"))
        token = fields.get("token", [""])[0].strip()
        refusal = await self._refusal_of(request, token, "This token is not valid.")
        if refusal is not None:
            return refusal
        response = RedirectResponse(PREFIX, 303)
        response.set_cookie(
            COOKIE,
            token,
            path=PREFIX,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    def _form(self, status: int, message: str = "") -> Response:
        text = f'<p class="alarm" role="alert">{message}</p>' if message else ""
        response = self._pages.render("sign_in.html", status, message=text)
        if status == 401:
            response.headers.update(headers_of("unauthenticated", {}))
        return response


def _check_length(request: Request) -> None:
    """Refuse a form that is long, or does not say how long it is, before anything reads it into memory."""
    if (
        request.method == "POST"
        and int(request.headers.get("content-length", MAX_BODY_BYTES + 1)) > MAX_BODY_BYTES
    ):
        raise HTTPException(413, f"A form may have up to {MAX_BODY_BYTES} bytes, and must say how many.")


def _for_dashboard(request: Request) -> Scope:
    """The request as the dashboard is to see it: below its prefix, and with one cookie of its own.

    The dashboard writes that cookie into its forms unescaped. A neighbour on another port or subdomain can
    set cookies for us, so only what the dashboard can have made itself is handed on.
    """
    headers = [(name, value) for name, value in request.headers.raw if name != b"cookie"]
    csrf = _CSRF_COOKIE.search(request.headers.get("cookie", ""))
    if csrf is not None:
        headers.append((b"cookie", csrf[0].encode()))
    path = "/" + request.path_params.get("path", "")
    return {**request.scope, "path": path, "root_path": "", "headers": headers}
