"""Liveness and readiness."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from waybill import indexes
from waybill.observe import probe
from waybill.platform.errors import ServiceUnavailable


async def alive(request: Request) -> Response:
    """Whether this process answers. Says nothing of its dependencies: restarting us would not mend them."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Whether requests can be served, each dependency by name; 503 where one is unavailable.

    A new process is not ready until `waybill init` has built the indexes. Later a missing index does not
    count: what needs it is answered 503, while otherwise all APIs would leave the load balancer at once.
    """

    def __init__(self) -> None:
        self._had_indexes = False

    async def show(self, request: Request) -> Response:
        """Answer a load balancer."""
        answers = await probe(request.state.resources)
        states = {name: "ok" if answered else "unavailable" for name, answered in answers.items()}
        # Without Redis uploads are accepted all the same: the reconciler sends their jobs once it is back.
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
