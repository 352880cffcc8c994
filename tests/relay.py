"""A wire between a client and the real store that can be listened to, and cut in one place."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import SHUT_WR, create_connection, socket
from urllib.parse import urlsplit

#: What a store tells of a SHA-256 that it has verified.
CHECKSUM = b"x-amz-checksum-sha256:"


class Relay(socketserver.ThreadingTCPServer):
    """Passes bytes on, and keeps the first line of each request.

    ``mute`` hides checksums from clients. Of many objects that are removed by one request the ``refused`` are
    told to be there still, each with its code; with ``deletes_one_by_one`` the store does not know how to.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Wire)
        self.requests: list[str] = []
        self.mute = False
        self.refused: dict[str, str] = {}
        self.deletes_one_by_one = False
        self.target = (urlsplit(target).hostname, urlsplit(target).port)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def methods(self, file_id: str) -> set[str]:
        """With what methods the object of a file was asked for."""
        return {line.split(" ")[0] for line in self.requests if file_id in line}

    def heard(self, piece: bytes) -> bytes:
        first = piece.split(b"\r\n", 1)[0]
        if first.endswith(b" HTTP/1.1"):
            self.requests.append(first.decode("latin-1"))
        return piece

    def said(self, piece: bytes) -> bytes:
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
        told = "".join(
            f"<Error><Key>{key}</Key><Code>{code}</Code></Error>" for key, code in self.refused.items()
        )
        body = body.replace(b"</DeleteResult>", told.encode() + b"</DeleteResult>")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + end + body


class _Wire(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        with create_connection(self.server.target) as store:
            back = threading.Thread(target=_pump, args=(store, self.request, self.server.said), daemon=True)
            back.start()
            _pump(self.request, store, self.server.heard)
            back.join()


def _pump(source: socket, sink: socket, passed: object) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(passed(piece))  # type: ignore[operator]
        sink.shutdown(SHUT_WR)
    except OSError:
        pass  # one side has gone


@contextmanager
def relay(target: str) -> Iterator[Relay]:
    """A relay to ``target``, for as long as the context lasts."""
    with Relay(target) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
