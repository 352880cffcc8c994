"""create_app(): routes, middleware, lifespan."""

import asyncio
import gc
import re
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypedDict
from urllib.parse import urlsplit

from dramatiq.brokers.redis import RedisBroker
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount, Route, WebSocketRoute

from api.auth import Authenticator
from api.dashboard import Dashboard
from api.errors import EXCEPTION_HANDLERS
from api.graphql.view import GraphQLView
from api.headers import DefaultHeaders
from api.health import Readiness, alive
from api.metrics import Metrics
from api.pages.views import Pages
from api.requests import HEADER, Requests
from api.requests import log as request_log
from api.rest.routes import create_rest
from api.routing import with_exact_paths
from api.s3_hook import S3Hook
from api.traces import Traces
from waybill.platform import tracing
from waybill.platform.settings import Settings, load_api_settings
from waybill.resources import Resources, open_resources, redis_client


class State(TypedDict):
    """The content of ``request.state``."""

    resources: Resources
    authenticator: Authenticator


def create_app(settings: Settings | None = None) -> Starlette:
    """Return the HTTP application. Without ``settings`` it reads the environment.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    settings = settings or load_api_settings()
    # No actors and no middleware, because the API only sends messages, by name.
    broker = RedisBroker(client=redis_client(settings), middleware=[])
    pages = Pages(settings)
    origins = _origin_pattern(settings.cors_origins)
    graphql = GraphQLView(
        pages.graphiql,
        introspection=settings.introspection,
        is_allowed_origin=lambda origin: origins.fullmatch(origin) is not None,
    )
    guarded = []
    if settings.s3_hook_secret is not None:
        guarded.append(Route("/hooks/s3", S3Hook(settings.s3_hook_secret).receive, methods=["POST"]))
    # Without a token the metrics are not served, because the port may be public.
    if settings.metrics_token is not None or settings.embedded:
        guarded.append(Route("/metrics", Metrics(settings.metrics_token).show))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with open_resources(settings, broker) as resources:
            # All objects so far stay alive. Without this, each garbage collection would scan them, which
            # delays all requests for a tenth of a second, about once a second under load.
            gc.collect()
            gc.freeze()
            _on_stop(resources.broadcaster.stop)
            yield {"resources": resources, "authenticator": Authenticator(settings)}
        request_log.flush()
        await asyncio.to_thread(tracing.stop)

    app = Starlette(
        routes=with_exact_paths(
            [
                Route("/api/v1/docs", pages.docs),
                Mount("/api/v1", create_rest()),
                Route("/graphql", graphql),
                WebSocketRoute("/graphql", graphql),
                Route("/", pages.index),
                Route("/assets/{path:path}", pages.assets.serve),
                *guarded,
                *Dashboard(settings, broker, pages).routes,
                Route("/healthz", alive),
                Route("/readyz", Readiness().show),
            ]
        ),
        middleware=_middleware(settings, origins.pattern),
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # it would redirect to the client's Host header
    return app


def _on_stop(callback: Callable[[], None]) -> None:
    """Call ``callback`` as soon as a stop is requested.

    Uvicorn reports a stop only after all responses have ended, and live streams end only after the callback.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _both(partial(loop.call_soon_threadsafe, callback), signal.getsignal(number)))


def _both(callback: Callable[[], object], servers: Any) -> Callable[..., None]:
    def handle(number: int, frame: Any) -> None:
        callback()
        if callable(servers):
            servers(number, frame)

    return handle


def _middleware(settings: Settings, origins: str) -> list[Middleware]:
    middleware: list[Any] = [Middleware(Requests), Middleware(DefaultHeaders)]
    if tracing.is_on():
        middleware.insert(1, Middleware(Traces))
    if settings.embedded:
        # The pages contain a token. A hostile site whose name resolves to this machine (DNS rebinding) would
        # have our origin and could read it, but its requests have its own name as Host.
        middleware.append(
            Middleware(TrustedHostMiddleware, allowed_hosts=_own_hosts(settings), www_redirect=False)
        )
    if settings.cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origin_regex=origins,
                allow_methods=["GET", "POST", "PATCH", "DELETE"],
                # Tracers and GraphQL clients add their own headers to each request (traceparent, baggage,
                # sentry-trace, apollographql-client-name). An allowed origin may send any header. No cookie
                # authenticates a caller, so no header gives a request more rights than its token.
                allow_headers=["*"],
                expose_headers=["ETag", "Location", "Retry-After", HEADER],
                max_age=3600,
            )
        )
    return middleware


def _own_hosts(settings: Settings) -> list[str]:
    """Return the host names of the embedded stack: those of this machine, and the configured one."""
    # The stack's store listens on the same host as the API, so its public address contains that host.
    public = urlsplit(settings.public_endpoint_url).hostname or "localhost"
    return [
        "localhost",
        "127.0.0.1",
        "[::1]",
        socket.gethostname(),
        f"[{public}]" if ":" in public else public,
    ]


def _origin_pattern(origins: Sequence[str]) -> re.Pattern[str]:
    """Return one pattern for all origins.

    A star matches any run of characters, like in a bucket's CORS rule.
    """
    return re.compile("|".join(".*".join(map(re.escape, origin.split("*"))) for origin in origins))
