"""Liveness and readiness."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from waybill.usecases.observe import probe


async def alive(request: Request) -> Response:
    """Whether this process answers. Says nothing of its dependencies: restarting us would not mend them."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """Whether requests can be served, each dependency by name; 503 where one is away."""
    answers = await probe(request.state.resources)
    # Without Redis uploads are accepted all the same: the reconciler sends their jobs once it is back.
    is_ready = answers["mongodb"] and answers["s3"]
    states = {name: "ok" if answered else "unavailable" for name, answered in answers.items()}
    body = {"status": "ok" if is_ready else "unavailable", **states}
    return JSONResponse(body, 200 if is_ready else 503, None if is_ready else {"Retry-After": "2"})
