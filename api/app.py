"""create_app(): routes, middleware, lifespan."""

import gc
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypedDict
from urllib.parse import urlsplit

from dramatiq.brokers.redis import RedisBroker
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount, Route

from api.auth import Authenticator
from api.dashboard import Dashboard
from api.errors import EXCEPTION_HANDLERS
from api.graphql.view import GraphQLView
from api.headers import DefaultHeaders
from api.health import alive, ready
from api.pages.views import Pages
from api.rest.routes import create_rest
from api.s3_hook import S3Hook
from waybill.resources import Resources, open_resources, redis_client
from waybill.settings import Settings, load_settings


class State(TypedDict):
    """What every request finds in ``request.state``."""

    resources: Resources
    authenticator: Authenticator


def create_app(settings: Settings | None = None) -> Starlette:
    """The whole HTTP application; without ``settings`` the environment's.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    settings = settings or load_settings()
    # No actor is declared and no middleware runs here: the API sends by name and processes nothing.
    broker = RedisBroker(client=redis_client(settings), middleware=[])
    pages = Pages(settings)
    hooks = []
    if settings.s3_hook_secret is not None:
        hooks.append(Route("/hooks/s3", S3Hook(settings.s3_hook_secret).receive, methods=["POST"]))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with open_resources(settings, broker) as resources:
            # What is there by now stays. Looking through it for garbage would hold up all requests for a
            # tenth of a second, about once a second under load.
            gc.collect()
            gc.freeze()
            yield {"resources": resources, "authenticator": Authenticator(settings)}

    app = Starlette(
        routes=[
            Route("/api/v1/docs", pages.docs),
            Mount("/api/v1", create_rest()),
            Route("/graphql", GraphQLView(pages.graphiql, introspection=settings.introspection)),
            Route("/", pages.index),
            Route("/assets/{path:path}", pages.assets.serve),
            *hooks,
            *Dashboard(settings, broker, pages).routes,
            Route("/healthz", alive),
            Route("/readyz", ready),
        ],
        middleware=_middleware(settings),
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # to a host that the client has named
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    middleware: list[Any] = [Middleware(DefaultHeaders)]
    if settings.embedded:
        # The pages carry a token. A hostile site that points its own name at this machine (DNS rebinding)
        # would be of our origin and could read it, but its requests still name that site as their host.
        middleware.append(
            Middleware(TrustedHostMiddleware, allowed_hosts=_own_hosts(settings), www_redirect=False)
        )
    if settings.cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origin_regex="|".join(_origin_pattern(origin) for origin in settings.cors_origins),
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
                expose_headers=["Location", "Retry-After"],
                max_age=3600,
            )
        )
    return middleware


def _own_hosts(settings: Settings) -> list[str]:
    """The names under which the embedded stack may be asked: this machine's, and the one given to it."""
    # The stack's store listens where the API does, so the store's public address names that host.
    public = urlsplit(settings.public_endpoint_url).hostname or "localhost"
    return [
        "localhost",
        "127.0.0.1",
        "[::1]",
        socket.gethostname(),
        f"[{public}]" if ":" in public else public,
    ]


def _origin_pattern(origin: str) -> str:
    """An origin as a pattern; a star stands for any run of characters, as in a bucket's CORS rule."""
    return ".*".join(re.escape(part) for part in origin.split("*"))
