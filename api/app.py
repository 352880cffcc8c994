"""create_app(): routes, middleware, lifespan."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypedDict

from dramatiq.brokers.redis import RedisBroker
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route

from api.auth import Authenticator
from api.errors import EXCEPTION_HANDLERS
from api.graphql.view import GraphQLView
from api.health import alive, ready
from api.rest.routes import create_rest
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

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with open_resources(settings, broker) as resources:
            yield {"resources": resources, "authenticator": Authenticator(settings)}

    return Starlette(
        routes=[
            Mount("/api/v1", create_rest()),
            Route("/graphql", GraphQLView()),
            Route("/healthz", alive),
            Route("/readyz", ready),
        ],
        middleware=_middleware(settings),
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=lifespan,
    )


def _middleware(settings: Settings) -> list[Middleware]:
    middleware: list[Any] = []
    if settings.cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origin_regex="|".join(_origin_pattern(origin) for origin in settings.cors_origins),
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["Authorization", "Content-Type"],
                expose_headers=["Location", "Retry-After"],
                max_age=3600,
            )
        )
    return middleware


def _origin_pattern(origin: str) -> str:
    """An origin as a pattern; a star stands for any run of characters, as in a bucket's CORS rule."""
    return ".*".join(re.escape(part) for part in origin.split("*"))
