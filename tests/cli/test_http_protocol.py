"""Connections that send too much, too slowly, or are too many."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from cli.http_protocol import MAX_HEAD_BYTES, LimitedHttpProtocol
from tests.service import Service


class ShortTimeouts(LimitedHttpProtocol):
    head_seconds = 0.2
    body_seconds = 0.4


async def echo(request: Request) -> Response:
    try:
        return PlainTextResponse(f"{len(await request.body())}")
    except ClientDisconnect:
        return Response(status_code=400)


async def events(request: Request) -> Response:
    """Two events, the second after the deadlines of a request."""

    async def stream() -> AsyncIterator[str]:
        yield "data: 1\n\n"
        await asyncio.sleep(3 * ShortTimeouts.body_seconds)
        yield "data: 2\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


async def chat(websocket: WebSocket) -> None:
    await websocket.accept()
    await asyncio.sleep(3 * ShortTimeouts.body_seconds)
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


APP = Starlette(
    routes=[
        Route("/", echo, methods=["GET", "POST"]),
        Route("/events", events),
        WebSocketRoute("/chat", chat),
    ]
)


@asynccontextmanager
async def served(connections: int) -> AsyncIterator[int]:
    """A port where the protocol serves, with short deadlines."""
    config = uvicorn.Config(
        APP,
        http=ShortTimeouts,
        limit_concurrency=connections + 1,
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1000)
        config.load()
        running = asyncio.create_task(server._serve([listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await running


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    async with served(connections=1000) as port:
        yield port


async def answer(port: int, *pieces: bytes | None) -> bytes:
    """All that comes until the server closes the connection. At a piece that is None, wait for an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    try:
        for piece in pieces:
            if piece is None:
                received += await reader.readuntil(b"\r\n\r\n")
            else:
                writer.write(piece)
        received += await reader.read()
    except ConnectionError:
        pass
    finally:
        writer.close()
    return received


def status(answered: bytes) -> list[int]:
    """The status of each answer of a connection."""
    return [int(part[:3]) for part in answered.split(b"HTTP/1.1 ")[1:]]


GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSE = b"Connection: close\r\n\r\n"
TOO_MUCH = b"a" * (MAX_HEAD_BYTES + 1)
#: More than a server reads at once.
PIECES = b"a" * 600_000


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([GET, b"X: " + b"a" * (MAX_HEAD_BYTES - 200) + b"\r\n", CLOSE], [200]),
        ([GET, b"X: " + TOO_MUCH + b"\r\n\r\n"], [431]),
        ([GET, b"X: " + TOO_MUCH], [431]),
        ([GET, TOO_MUCH], [431]),
        ([GET, b"X: y\r\n" * 4000, b"\r\n"], [431]),
        ([b"GET /" + TOO_MUCH + b" HTTP/1.1\r\n"], [414]),
        ([GET, b"\r\n", None, GET, b"X: " + TOO_MUCH + b"\r\n\r\n"], [200, 431]),
        ([b"POST / HTTP/1.1\r\nContent-Length: 60000\r\nConnection: close\r\n\r\n" + b"a" * 60_000], [200]),
        ([b"nonsense\r\n\r\n"], [400]),
    ],
    ids=[
        "a large head",
        "one header",
        "half a header",
        "half a name",
        "many headers",
        "the target",
        "the second request",
        "a large body",
        "nonsense",
    ],
)
async def test_a_head_has_a_largest_size(port: int, pieces: list[bytes | None], expected: list[int]) -> None:
    assert status(await answer(port, *pieces)) == expected


@pytest.mark.parametrize(
    "pieces",
    [b"0\r\nX: " + PIECES, b"0\r\n" + b"X: y\r\n" * 100_000, b"1;" + PIECES],
    ids=["a trailer", "many trailers", "a chunk's extension"],
)
async def test_what_never_ends_is_cut_off(port: int, pieces: bytes) -> None:
    # The client may see a reset before it has read the answer, since it goes on sending.
    assert status(await answer(port, CHUNKED, pieces)) in ([431], [])


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], [408]),
        ([GET], [408]),
        ([b"\r\n"], [408]),
        ([POST, b"ab"], [408]),
        ([POST, b"abcde", None, GET], [200, 408]),
        ([POST, b"abcde", None, b"\r\n\r\n"], [200, 408]),
    ],
    ids=[
        "silence",
        "half a head",
        "an empty line",
        "half a body",
        "half a second head",
        "lines after a request",
    ],
)
async def test_a_request_has_a_deadline(port: int, pieces: list[bytes | None], expected: list[int]) -> None:
    assert status(await answer(port, *pieces)) == expected


async def test_a_body_that_trickles_has_the_same_deadline(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = asyncio.create_task(reader.read())
    writer.write(b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n")
    while not answered.done():
        writer.write(b"a")
        # Rarely: a byte that arrives after the server has closed the connection discards its response.
        await asyncio.wait([answered], timeout=0.1)
    assert status(await answered) == [408]
    writer.close()


async def test_events_and_websockets_live_longer_than_a_request_may(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}/chat") as websocket:
        streamed = await answer(port, b"GET /events HTTP/1.1\r\nHost: x\r\n" + CLOSE)
        assert (status(streamed), streamed.count(b"data: ")) == ([200], 2)
        await websocket.send("hello")
        assert await websocket.recv() == "hello"


async def test_connections_beyond_the_limit_are_refused_until_others_end() -> None:
    async with served(connections=3) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        for _, writer in held:
            writer.write(GET + b"\r\n")
        answers = [await reader.read(12) for reader, _ in held]
        assert answers.count(b"HTTP/1.1 200") == 3
        assert answers.count(b"HTTP/1.1 503") + answers.count(b"") == 7
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        while status(answered := await answer(port, GET + CLOSE)) != [200]:
            assert status(answered) == [503]


async def test_the_api_serves_by_this_protocol(service: Service) -> None:
    port = int(service.address.rpartition(":")[2])
    assert status(await answer(port, GET, b"X: " + TOO_MUCH + b"\r\n\r\n")) == [431]
