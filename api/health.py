"""Liveness and readiness."""

import asyncio
from collections.abc import Awaitable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from waybill import documents

log = structlog.get_logger(__name__)


async def alive(request: Request) -> Response:
    """Whether this process answers. Says nothing of its dependencies: restarting us would not mend them."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """Whether requests can be served, each dependency by name; 503 where one is away."""
    resources = request.state.resources
    names = ("mongodb", "s3", "redis")
    states = await asyncio.gather(
        _state(documents.database_time()), _state(resources.storage.ping()), _state(resources.sender.ping())
    )
    # Without Redis uploads are accepted all the same: the reconciler sends their jobs once it is back.
    is_ready = states[0] == states[1] == "ok"
    body = {"status": "ok" if is_ready else "unavailable", **dict(zip(names, states, strict=True))}
    return JSONResponse(body, 200 if is_ready else 503, None if is_ready else {"Retry-After": "2"})


async def _state(probe: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(1.8):
            await probe
    except Exception as error:  # whatever is wrong with a dependency, its name is the answer
        log.warning("not ready", error=str(error))
        return "unavailable"
    return "ok"
