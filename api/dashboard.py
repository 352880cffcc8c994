"""The job dashboard at /dashboard: dramatiq-dashboard with a sign-in."""

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
_ADMINS_ONLY = "The token is valid, but not an administrator's. Sign in with an administrator's token."


class Dashboard:
    """dramatiq-dashboard, for administrators. In the embedded stack without a sign-in."""

    def __init__(self, settings: Settings, broker: RedisBroker, pages: Pages) -> None:
        # It lists the queues that its broker knows. Actors would declare them, but the API imports none.
        for queue in QUEUES.values():
            broker.declare_queue(queue)
        self._is_open = settings.embedded
        self._pages = pages
        # A WSGI application, so it runs in threads and never blocks the event loop.
        self._wsgi = WSGIMiddleware(DashboardApp(broker, PREFIX), workers=4)

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes at and below /dashboard."""
        sign_in = [] if self._is_open else [Route(f"{PREFIX}/sign-in", self._sign_in, methods=["POST"])]
        return [*sign_in, Route(PREFIX, self), Route(f"{PREFIX}/{{path:path}}", self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, if its sender may see the dashboard."""
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
            # It does not check its input: a missing field or a malformed number raises one of these.
            raise HTTPException(400, "The dashboard does not understand this request.") from error

    async def _refusal(self, request: Request) -> Response | None:
        """Return the sign-in form if a browser has no valid cookie, or None if the request is allowed.

        Raises:
            Unauthenticated, Forbidden: the token in the header is not valid, or not an administrator's.
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
        """Return the form with a message, or None if the token is an administrator's."""
        try:
            principal = await request.state.authenticator.principal_of(token)
        except Unauthenticated:
            return self._form(401, message)
        return None if principal.admin else self._form(403, _ADMINS_ONLY)

    async def _sign_in(self, request: Request) -> Response:
        """Set a cookie for a token. It is valid until the browser's session or the token ends."""
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
    """Refuse a form without Content-Length, or with a large one, before it is read into memory."""
    if (
        request.method == "POST"
        and int(request.headers.get("content-length", MAX_BODY_BYTES + 1)) > MAX_BODY_BYTES
    ):
        raise HTTPException(413, f"A form may have up to {MAX_BODY_BYTES} bytes, and must say how many.")


def _for_dashboard(request: Request) -> Scope:
    """Return the request for the dashboard: without the prefix, and with the dashboard's own cookie only.

    The dashboard writes that cookie into its forms unescaped. A site on another port or subdomain can set
    cookies for us, so only a value that the dashboard can have made is passed on.
    """
    headers = [(name, value) for name, value in request.headers.raw if name != b"cookie"]
    csrf = _CSRF_COOKIE.search(request.headers.get("cookie", ""))
    if csrf is not None:
        headers.append((b"cookie", csrf[0].encode()))
    path = "/" + request.path_params.get("path", "")
    return {**request.scope, "path": path, "root_path": "", "headers": headers}
