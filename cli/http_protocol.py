"""Uvicorn's HTTP protocol with limits: size of the head, duration of a request, number of connections.

Uvicorn with httptools has none of these limits. A request that arrives in one read sets no timer, and its
head is not measured. Before a connection is refused, it uses at most a head of 16 KiB and one read of the
socket.

Source: RFC 9110, 15.5.9 (408); RFC 6585, 5 (431); Uvicorn, `protocols/http/httptools_impl.py`.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 16 * 1024

_Phase = Literal["idle", "head", "body"]


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection. Uvicorn's option `limit_concurrency` is the number of connections."""

    #: From the first byte of a request, or from the connection, to the end of the head.
    head_seconds = 10.0
    #: From the end of the head to the end of the body, which has at most 1 MiB.
    body_seconds = 30.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._phase: _Phase = "idle"
        self._timed_phase: _Phase = "idle"
        self._timer: asyncio.TimerHandle | None = None
        self._unparsed_bytes = 0  # upper bound of what the parser buffers
        self._piece_bytes = 0
        self._has_earlier_request = False  # in the same read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, or refuse it with 503 if there are too many."""
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency - 1:
            self.transport = transport
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        super().connection_made(transport)
        self._time("head")

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer."""
        self._time("idle")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the bytes, then check the limits for the phase that the request has reached."""
        if self.transport.is_closing():
            return
        self._piece_bytes = len(data)
        self._has_earlier_request = False
        self._unparsed_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self._unparsed_bytes > MAX_HEAD_BYTES:
            self._refuse(self._too_large())
        elif self._phase == "idle" and self._awaits_request():
            # Empty lines before a request have cancelled Uvicorn's own timer.
            self._time("head")
        elif self._phase != self._timed_phase:
            self._time(self._phase)

    def handle_websocket_upgrade(self) -> None:
        """Pass the connection to the WebSocket protocol, without a timer."""
        self._time("idle")
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Start to measure the head of a request."""
        self._phase = "head"
        self._unparsed_bytes = 0 if self._has_earlier_request else self._piece_bytes
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Continue with the body, unless the head is too large."""
        if self._unparsed_bytes > MAX_HEAD_BYTES and self._size_of_head() > MAX_HEAD_BYTES:
            # The parser turns this into its own error, and `send_400_response` answers it.
            raise ValueError("head too large")
        self._phase = "body"
        self._unparsed_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Accept a piece of the body. Trailers do not come here, so they count as unparsed bytes."""
        self._unparsed_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the next request."""
        self._phase = "idle"
        self._unparsed_bytes = 0
        self._has_earlier_request = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that the parser, or ``on_headers_complete``, refused."""
        self._refuse(self._too_large() if self._unparsed_bytes > MAX_HEAD_BYTES else HTTPStatus.BAD_REQUEST)

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _too_large(self) -> HTTPStatus:
        is_target = self._phase == "head" and len(self.url) > MAX_HEAD_BYTES
        return HTTPStatus.REQUEST_URI_TOO_LONG if is_target else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE

    def _awaits_request(self) -> bool:
        is_free = self.cycle is None or self.cycle.response_complete
        return is_free and self.timeout_keep_alive_task is None

    def _time(self, phase: _Phase) -> None:
        """Set the timer for a phase. A timer that runs for the same phase continues."""
        if phase == self._timed_phase:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timed_phase = phase
        if phase != "idle":
            seconds = self.head_seconds if phase == "head" else self.body_seconds
            self._timer = self.loop.call_later(seconds, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer with a status, unless an answer has started, and close the connection."""
        if self.transport.is_closing():
            return
        is_answered = self.cycle is not None and self.cycle.response_started
        if not is_answered or self.cycle.response_complete:
            self.transport.write(_answer(status))
        self.transport.close()


def _answer(status: HTTPStatus) -> bytes:
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "content-type: text/plain; charset=utf-8",
        f"content-length: {len(status.phrase)}",
        *(["retry-after: 2"] if status is HTTPStatus.SERVICE_UNAVAILABLE else []),
        "connection: close",
    ]
    return "\r\n".join([*lines, "", status.phrase]).encode()
