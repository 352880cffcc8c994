"""An application that does nothing, to measure the cost of a start by itself."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def alive(request: Request) -> PlainTextResponse:
    """Something to ask for."""
    return PlainTextResponse("ok")


app = Starlette(routes=[Route("/healthz", alive)])
