"""A wire between a client and the real store that can be listened to, and cut in one place."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socket import SHUT_RDWR, SHUT_WR, create_connection, socket
from urllib.parse import urlsplit

#: The header in which a store returns a SHA-256 that it has verified.
CHECKSUM = b"x-amz-checksum-sha256:"


class Relay(socketserver.ThreadingTCPServer):
    """Passes bytes on; keeps the first line of each request, and how many bytes it has ``carried`` back.

    ``mute`` hides checksums from clients. Of many objects that are removed by one request the ``refused`` are
    reported to be there still, each with its code; with ``deletes_one_by_one`` the store does not know how
    to.

    The first request that has one of the texts ``cut`` in its first line meets a broken line, and
    the answer to the first that has one of the texts ``lose`` is lost.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Wire)
        self.requests: list[str] = []
        self.carried = 0
        self.mute = False
        self.refused: dict[str, str] = {}
        self.deletes_one_by_one = False
        self._hold: Hold | None = None
        self.cut: set[str] = set()
        self.lose: set[str] = set()
        self.target = (urlsplit(target).hostname, urlsplit(target).port)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def methods(self, file_id: str) -> set[str]:
        """With what methods the object of a file was asked for."""
        return {line.split(" ")[0] for line in self.requests if file_id in line}

    @contextmanager
    def holding(self, text: str) -> Iterator["Hold"]:
        """Pass on no request with that text in its first line, for as long as the context lasts."""
        self._hold = hold = Hold(text)
        try:
            yield hold
        finally:
            self._hold = None
            hold.is_over.set()

    def heard(self, piece: bytes) -> bytes:
        first = piece.split(b"\r\n", 1)[0]
        if first.endswith(b" HTTP/1.1"):
            line = first.decode("latin-1")
            self.requests.append(line)
            for text in [text for text in self.cut if text in line]:
                self.cut.remove(text)
                raise ConnectionResetError
            hold = self._hold
            if hold is not None and hold.text in line:
                hold.has_one.set()
                hold.is_over.wait()
        return piece

    def said(self, piece: bytes) -> bytes:
        self.carried += len(piece)
        if b"</DeleteResult>" in piece:
            return self._said_of_many(piece)
        if not self.mute:
            return piece
        head, end, body = piece.partition(b"\r\n\r\n")
        # Of the same length, so that nothing else changes.
        position = head.lower().find(CHECKSUM)
        if position >= 0:
            head = head[:position] + b"x-unheard-of-checksum:" + head[position + len(CHECKSUM) :]
        return head + end + body

    def _said_of_many(self, piece: bytes) -> bytes:
        if self.deletes_one_by_one:
            return piece.replace(b" 200 OK", b" 501 Not Implemented", 1)
        head, end, body = piece.partition(b"\r\n\r\n")
        reported = "".join(
            f"<Error><Key>{key}</Key><Code>{code}</Code></Error>" for key, code in self.refused.items()
        )
        body = body.replace(b"</DeleteResult>", reported.encode() + b"</DeleteResult>")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + end + body


@dataclass(frozen=True)
class Hold:
    """What is held back, whether something is, and whether that is over."""

    text: str
    has_one: threading.Event = field(default_factory=threading.Event)
    is_over: threading.Event = field(default_factory=threading.Event)


class _Wire(socketserver.BaseRequestHandler):
    server: Relay
    _is_losing = False

    def handle(self) -> None:
        with create_connection(self.server.target) as store:
            back = threading.Thread(target=_pump, args=(store, self.request, self._said), daemon=True)
            back.start()
            _pump(self.request, store, self._heard)
            back.join()

    def _heard(self, piece: bytes) -> bytes:
        line = piece.split(b"\r\n", 1)[0].decode("latin-1")
        for text in [text for text in self.server.lose if text in line]:
            self.server.lose.remove(text)
            self._is_losing = True
        return self.server.heard(piece)

    def _said(self, piece: bytes) -> bytes:
        if self._is_losing:
            raise ConnectionResetError
        return self.server.said(piece)


def _pump(source: socket, sink: socket, passed: Callable[[bytes], bytes]) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(passed(piece))
        sink.shutdown(SHUT_WR)
    except OSError:  # one side has gone, and the other learns of it
        for side in (source, sink):
            with suppress(OSError):
                side.shutdown(SHUT_RDWR)


@contextmanager
def relay(target: str) -> Iterator[Relay]:
    """A relay to ``target``, for as long as the context lasts."""
    with Relay(target) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
