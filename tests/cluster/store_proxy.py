"""An HTTP proxy before the store. A test can make it answer wrongly, late or not at all.

It passes on each request as it came: the signature covers the Host header, which names the proxy. What it
does wrong is chosen at run time:

    with proxy.injecting("HEAD", status=404):            # each HEAD is answered 404 NoSuchKey
    with proxy.injecting("GET", share=0.3, status=503):  # of three GETs one is answered 503 SlowDown
    with proxy.injecting(delay_ms=2000):                 # each request is passed on two seconds later
    with proxy.injecting("GET", cut_after=1000):         # a body ends after 1,000 bytes, with its connection
    with proxy.injecting("GET", cut_at=0.5):             # a body ends after half of its bytes
    with proxy.injecting("PUT", path="files/", closes=True):  # the connection is closed without an answer
    with proxy.injecting(is_silent=True):                # nothing is answered until the fault is over
    with proxy.injecting(status=200, body=b"<html>"):    # each request is answered with that body
    with proxy.injecting("GET", replaces=(b"a", b"b")):  # bytes are other ones when they come
    with proxy.injecting("GET", status=404, times=1):    # the first GET is answered 404, the others are not

``inject`` and ``clear`` do the same without a context. ``requests`` counts requests by method, ``injected``
those that met a fault; ``seen`` lists method, path and Range header of each request.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from stack.ports import LOOPBACK
from tests.cluster.background_loop import BackgroundLoop

CHUNK_BYTES = 64 * 1024

#: What S3 calls an answer with this status.
CODES = {
    400: "InvalidRequest",
    403: "AccessDenied",
    404: "NoSuchKey",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    500: "InternalError",
    502: "BadGateway",
    503: "SlowDown",
    504: "GatewayTimeout",
}


@dataclass(eq=False)
class Fault:
    """What happens to requests of a method (``*`` for all) whose path has a match for ``path``.

    With ``times`` it happens to so many of them only. ``replaces`` must keep the length.
    """

    method: str = "*"
    path: str = ""
    share: float = 1.0
    status: int | None = None
    code: str | None = None
    delay_ms: int = 0
    cut_after: int | None = None
    cut_at: float | None = None
    closes: bool = False
    is_silent: bool = False
    body: bytes | None = None
    replaces: tuple[bytes, bytes] | None = None
    times: int | None = None
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    def concerns(self, method: str, path: str) -> bool:
        """Whether a request meets this fault, this time."""
        matches = self.method in {"*", method} and re.search(self.path, path) is not None
        happens = matches and self.times != 0 and random.random() < self.share
        if happens and self.times is not None:
            self.times -= 1
        return happens

    def answer(self, method: str, path: str) -> bytes:
        """The whole answer with the status, and with S3's XML unless to a HEAD."""
        assert self.status is not None
        code = self.code or CODES.get(self.status, "injected")
        body = (
            self.body
            if self.body is not None
            else (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Error><Code>{code}</Code><Message>injected</Message><Resource>{urlsplit(path).path}</Resource>"
                "<RequestId>injected</RequestId></Error>"
            ).encode()
        )
        head = f"HTTP/1.1 {self.status} {code}\r\nContent-Type: application/xml\r\n"
        if method == "HEAD":
            return f"{head}\r\n".encode()
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True)
class _Head:
    """The first lines of a request or an answer."""

    raw: bytes

    @property
    def words(self) -> list[str]:
        return self.raw.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)

    def header(self, name: str) -> str:
        found = re.search(rb"(?im)^" + name.encode() + rb":[ \t]*([^\r\n]*)", self.raw)
        return found[1].decode("latin-1").strip() if found else ""

    @property
    def length(self) -> int | None:
        return int(self.header("content-length")) if self.header("content-length") else None

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.header("transfer-encoding").lower()


class StoreProxy:
    """Stands between Waybill and the store; see the module."""

    def __init__(self, loop: BackgroundLoop, target: str) -> None:
        self.requests: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()
        self.seen: list[tuple[str, str, str]] = []
        self._loop = loop
        self._target_port = urlsplit(target).port
        self._faults: list[Fault] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._server = loop.run(asyncio.start_server(self._accept, LOOPBACK, 0, limit=CHUNK_BYTES))
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def address(self) -> str:
        """The URL of the endpoint."""
        return f"http://{LOOPBACK}:{self.port}"

    def asked(self, method: str, text: str) -> list[str]:
        """The Range headers of all requests of a method whose path has a text."""
        return [ranged for each, path, ranged in self.seen if each == method and text in path]

    def inject(
        self,
        method: str = "*",
        *,
        path: str = "",
        share: float = 1.0,
        status: int | None = None,
        code: str | None = None,
        delay_ms: int = 0,
        cut_after: int | None = None,
        cut_at: float | None = None,
        closes: bool = False,
        is_silent: bool = False,
        body: bytes | None = None,
        replaces: tuple[bytes, bytes] | None = None,
        times: int | None = None,
    ) -> Fault:
        """Begin a fault. Of several that concern a request, the first one counts."""
        fault = Fault(
            method,
            path,
            share,
            status,
            code,
            delay_ms,
            cut_after,
            cut_at,
            closes,
            is_silent,
            body,
            replaces,
            times,
        )
        self._faults.append(fault)
        return fault

    def end(self, fault: Fault) -> None:
        """End a fault. Requests that met silence are passed on now."""

        async def act() -> None:
            self._faults.remove(fault)
            fault.is_over.set()

        self._loop.run(act())

    def clear(self) -> None:
        """End all faults."""
        for fault in list(self._faults):
            self.end(fault)

    @contextmanager
    def injecting(self, method: str = "*", **what: Any) -> Iterator[Fault]:
        """A fault for as long as the context lasts; the arguments are those of ``inject``."""
        fault = self.inject(method, **what)
        try:
            yield fault
        finally:
            self.end(fault)

    def close(self) -> None:
        """Stop listening and end all connections."""

        async def act() -> None:
            self._server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

        self._loop.run(act())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):  # one side is gone
            pass
        finally:
            self._connections.discard(connection)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; whether the connection may be used again."""
        request = _Head(await reader.readuntil(b"\r\n\r\n"))
        method, path, _ = request.words
        self.requests[method] += 1
        self.seen.append((method, path, request.header("range")))
        fault = next((each for each in self._faults if each.concerns(method, path)), None)
        if fault is None:
            return await self._pass_on(request, None, reader, writer)
        self.injected[method] += 1
        if fault.is_silent:
            await fault.is_over.wait()
        await asyncio.sleep(fault.delay_ms / 1000)
        if fault.closes:
            return False
        if fault.status is None:
            return await self._pass_on(request, fault, reader, writer)
        # A client that expects "100 Continue" sends no body now. Nothing may follow on this connection.
        awaits_consent = bool(request.header("expect"))
        if not awaits_consent:
            await _copy_body(request, reader, None)
        writer.write(fault.answer(method, path))
        await writer.drain()
        return not awaits_consent

    async def _pass_on(
        self,
        request: _Head,
        fault: Fault | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        # A connection for each request: the store closes idle ones, which the client would learn too late.
        far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._target_port, limit=CHUNK_BYTES)
        far_writer.write(request.raw)
        sending = asyncio.create_task(_copy_body(request, reader, far_writer))
        try:
            may_go_on = await _answer(request.words[0], fault, far_reader, writer)
            if may_go_on:
                # The store may answer before it has read all: what it does not read must not be taken for
                # the next request.
                await sending
            return may_go_on
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            far_writer.close()


async def _answer(
    method: str, fault: Fault | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    answer = _Head(await reader.readuntil(b"\r\n\r\n"))
    while answer.words[1].startswith("1"):
        writer.write(answer.raw)
        answer = _Head(await reader.readuntil(b"\r\n\r\n"))
    writer.write(answer.raw)
    has_body = method != "HEAD" and answer.words[1] not in {"204", "304"}
    if has_body and fault is not None and (fault.cut_after is not None or fault.cut_at is not None):
        assert answer.length is not None, "only a body of known length can be cut"
        size = int(answer.length * fault.cut_at) if fault.cut_at is not None else fault.cut_after or 0
        await _copy(min(size, answer.length), reader, writer)
        return False
    if has_body:
        await _copy_body(answer, reader, writer, None if fault is None else fault.replaces)
    await writer.drain()
    return answer.header("connection").lower() != "close"


async def _copy_body(
    head: _Head,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter | None,
    replaces: tuple[bytes, bytes] | None = None,
) -> None:
    if head.is_chunked:
        size = -1
        while size != 0:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            if writer is not None:
                writer.write(line)
            await _copy(size + 2, reader, writer, replaces)
    elif head.length is not None:
        await _copy(head.length, reader, writer, replaces)


async def _copy(
    size: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter | None,
    replaces: tuple[bytes, bytes] | None = None,
) -> None:
    while size > 0:
        piece = await reader.read(min(size, CHUNK_BYTES))
        if not piece:
            raise ConnectionResetError
        size -= len(piece)
        if writer is not None:
            writer.write(piece if replaces is None else piece.replace(*replaces))
            await writer.drain()


@contextmanager
def running_store_proxy(loop: BackgroundLoop, target: str) -> Iterator[StoreProxy]:
    """A proxy to the endpoint ``target`` for as long as the context lasts."""
    proxy = StoreProxy(loop, target)
    try:
        yield proxy
    finally:
        proxy.close()
