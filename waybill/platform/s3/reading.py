"""Read an object from its first byte to its last, and resume if the stream breaks."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from time import monotonic

import structlog

from waybill.platform.errors import ServiceUnavailable
from waybill.platform.s3.errors import StoreRefusal, map_store_errors
from waybill.platform.s3.objects import BUFFER_BYTES, Objects
from waybill.platform.s3.unsigned_headers import unsigned_headers

#: Bytes of a piece. About four times as many are in memory: the socket's buffer of up to two pieces, the
#: current piece, and the next.
CHUNK_BYTES = BUFFER_BYTES

#: The most seconds without a byte until a broken stream fails, and between two attempts.
RESUME_SECONDS = 600
LONGEST_PAUSE_SECONDS = 10

Ping = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)


class ObjectGoneError(Exception):
    """Raised when the object does not exist."""


class ObjectChangedError(Exception):
    """Raised when the object has another ETag than expected."""


class UnsignedHeadersError(Exception):
    """Raised when the object has headers that no URL signs; ``names`` are their names."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


async def stream(objects: Objects, key: str, etag: str, ping: Ping) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of exactly this version of an object, in pieces of up to ``CHUNK_BYTES``.

    A broken stream is resumed where it stopped, by a range of the same version. It fails if that was not
    possible for as long as the reading has taken, because then reading again costs less than waiting.
    ``ping`` proves that the bucket exists if the object does not.

    Raises:
        ObjectGoneError: there is no such object.
        ObjectChangedError: there is one, with another etag.
        UnsignedHeadersError: the client added headers to its upload. Nothing is read.
        ServiceUnavailable: the store is unavailable.
    """
    began = latest = monotonic()
    position = 0
    pause = 0.0
    while True:
        try:
            async with aclosing(_stream_from(position, objects, key, etag, ping)) as pieces:
                async for piece in pieces:
                    position += len(piece)
                    latest, pause = monotonic(), 0.0
                    yield piece
            return
        except (ServiceUnavailable, ObjectGoneError):
            if not position or monotonic() - latest > min(latest - began, RESUME_SECONDS):
                raise
        log.info("stream broken: reading resumes", key=key, position=position)
        await asyncio.sleep(pause)
        pause = min(2 * pause + 1, LONGEST_PAUSE_SECONDS)


async def _stream_from(
    position: int, objects: Objects, key: str, etag: str, ping: Ping
) -> AsyncGenerator[bytes, None]:
    headers = {"if-match": etag}
    if position:
        headers["range"] = f"bytes={position}-"
    with map_store_errors():
        try:
            async with objects.request("GET", key, headers) as response:
                if names := unsigned_headers(response.headers):
                    raise UnsignedHeadersError(names)
                if position and not response.headers.get("Content-Range", "").startswith(
                    f"bytes {position}-"
                ):
                    log.warning("object store unavailable: ranges are ignored", key=key)
                    raise ServiceUnavailable("The object store")
                while piece := await response.content.read(CHUNK_BYTES):
                    yield piece
        except StoreRefusal as error:
            if error.status == 404:
                await ping()
                raise ObjectGoneError(key) from error
            if error.status == 412:
                raise ObjectChangedError(key) from error
            if error.status == 416 and position:
                return  # it broke after the last byte
            raise
