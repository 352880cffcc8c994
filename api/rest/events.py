"""Changes of files, as server-sent events.

Source: HTML Living Standard, 9.2 Server-sent events.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from api.rest.operation import json_answer, operation
from api.rest.schemas import EventHeaders, EventsQuery, EventTicket
from waybill.events.follow import FileChange, follow_file, follow_files
from waybill.files.file_json import File
from waybill.platform.errors import ChangesLost, WaybillError
from waybill.platform.principal import Principal

MEDIA_TYPE = "text/event-stream"

#: Seconds without an event after which a comment is sent, for clients and proxies with short read timeouts.
COMMENT_SECONDS = 4

Feed = AsyncGenerator[FileChange | str, None]


class EventStream(StreamingResponse):
    """Server-sent events until the token expires, at ``until`` in seconds since the epoch."""

    body_iterator: AsyncGenerator[bytes, None]

    def __init__(self, blocks: AsyncGenerator[bytes, None], until: float) -> None:
        # A proxy that buffers responses (nginx) would delay each event.
        super().__init__(blocks, headers={"X-Accel-Buffering": "no"}, media_type=MEDIA_TYPE)
        self._until = until
        self._sent_at = 0.0

    async def stream_response(self, send: Send) -> None:
        """Send the events, and end the response properly."""
        left = None if math.isinf(self._until) else self._until - time.time()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        commenting = asyncio.create_task(self._send_comments(send))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(left), aclosing(self.body_iterator) as blocks:
                    async for block in blocks:
                        self._sent_at = time.monotonic()
                        await send({"type": "http.response.body", "body": block, "more_body": True})
        finally:
            commenting.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_comments(self, send: Send) -> None:
        """Send a comment whenever nothing else was sent for ``COMMENT_SECONDS``."""
        self._sent_at = time.monotonic()
        with suppress(OSError):  # a client that has left
            while True:
                await asyncio.sleep(max(0, self._sent_at + COMMENT_SECONDS - time.monotonic()))
                if time.monotonic() >= self._sent_at + COMMENT_SECONDS:
                    self._sent_at = time.monotonic()
                    await send({"type": "http.response.body", "body": b":\n", "more_body": True})


@operation("createEventTicket", answers={201: EventTicket}, errors=())
async def create_ticket(request: Request, principal: Principal) -> Response:
    """Get a ticket that opens one stream of events within 30 seconds, as `?ticket=` in its URL. It is for
    EventSource in browsers, which cannot send a token."""
    return json_answer(EventTicket.of(await request.state.resources.event_tickets.issue(principal)), 201)


@operation(
    "followFiles",
    query=EventsQuery,
    headers=EventHeaders,
    answers={200: MEDIA_TYPE},
    errors=("file_not_found", "invalid_input", "too_many_subscriptions"),
    takes_ticket=True,
)
async def follow(request: Request, principal: Principal, query: EventsQuery) -> Response:
    """Subscribe to file changes by server-sent events: `file` with the file after a change, `position` at the
    start and when there is no change for a while, `reset` if the changes after `Last-Event-ID` are no longer
    known, so that you must list the files again."""
    if request.method == "HEAD":
        return Response(media_type=MEDIA_TYPE)
    # The header is newer: an EventSource that reconnects repeats its URL.
    after = request.headers.get("last-event-id") or query.after or None
    feed = _feed(request, principal, query, after)
    is_reset = False
    try:
        first = await anext(feed)
    except ChangesLost:
        is_reset = True
        feed = _feed(request, principal, query, None)
        first = await anext(feed)
    return EventStream(_blocks(first, feed, is_reset=is_reset), principal.until)


def _feed(request: Request, principal: Principal, query: EventsQuery, after: str | None) -> Feed:
    resources = request.state.resources
    if query.id is not None:
        return follow_file(resources, principal, query.id, after)
    return follow_files(resources, principal, after)


async def _blocks(first: FileChange | str, feed: Feed, *, is_reset: bool) -> AsyncGenerator[bytes, None]:
    if is_reset:
        yield b"event: reset\ndata: {}\n\n"
    # After any error the client reconnects, and resumes after its last position.
    with suppress(WaybillError):
        async with aclosing(feed):
            yield _block(first)
            async for each in feed:
                yield _block(each)


def _block(item: FileChange | str) -> bytes:
    # A position is an event of its own, because some clients ignore an id without an event.
    event, position, data = (
        ("position", item, "{}")
        if isinstance(item, str)
        else ("file", item.resume_token, File.of(item.file).model_dump_json(by_alias=True))
    )
    return f"event: {event}\nid: {position}\ndata: {data}\n\n".encode()
