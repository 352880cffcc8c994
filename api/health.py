"""Liveness and readiness."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from waybill import indexes
from waybill.observe import probe
from waybill.platform.errors import ServiceUnavailable


async def alive(request: Request) -> Response:
    """Return 200. Does not check dependencies, because a restart of this process would not repair them."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Reports whether requests can be served, with the state of each dependency; 503 if not.

    A new process is not ready until `waybill init` has built the indexes. Later a missing index does not
    count: requests that need it return 503. Otherwise all API processes would leave the load balancer at
    once.
    """

    def __init__(self) -> None:
        self._had_indexes = False

    async def show(self, request: Request) -> Response:
        """Return the readiness."""
        answers = await probe(request.state.resources)
        states = {name: "ok" if answered else "unavailable" for name, answered in answers.items()}
        # Uploads are accepted without Redis, because the reconciler sends their jobs later.
        is_ready = answers["mongodb"] and answers["s3"]
        if is_ready and not await self._has_indexes():
            is_ready = False
            states["indexes"] = "missing, run `waybill init`"
        body = {"status": "ok" if is_ready else "unavailable", **states}
        return JSONResponse(body, 200 if is_ready else 503, None if is_ready else {"Retry-After": "2"})

    async def _has_indexes(self) -> bool:
        if not self._had_indexes:
            try:
                self._had_indexes = not await indexes.missing_indexes()
            except ServiceUnavailable:
                return False
        return self._had_indexes
