"""Requests to the object store: presigned, with exactly their own headers and never with our token."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from waybill.client.bandwidth import BandwidthLimit
from waybill.client.errors import StoreRefused, Unreachable
from waybill.client.models import Upload
from waybill.client.observer import Observer

#: Seconds in which not a single chunk is taken, or given, until a line counts as dead.
SILENCE = 120
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=SILENCE)

_S3_CODE = re.compile(rb"<Code>(\w+)</Code>")

#: Bytes that are read at once.
CHUNK = 256 * 1024


class Store:
    """Moves bytes to and from the object store, up to ``parallel`` requests at once."""

    def __init__(
        self, session: aiohttp.ClientSession, parallel: int, limit: BandwidthLimit, observer: Observer
    ) -> None:
        self.parallel = parallel
        self._limit = limit
        self._observer = observer
        self._session = session
        self._slots = asyncio.Semaphore(parallel)

    async def put(self, upload: Upload, body: AsyncIterator[bytes]) -> None:
        """Send bytes once.

        Raises:
            StoreRefused: the store did not take them.
            Unreachable: the line broke, or nothing moved for ``SILENCE`` seconds.
            Exception: what ``body`` raised.
        """
        failures: list[Exception] = []
        async with self._slots:
            try:
                async with asyncio.timeout(SILENCE) as limit:
                    await self._put(upload, _moving(self._limited(body), limit, failures))
            except (aiohttp.ClientError, TimeoutError) as error:
                if failures:
                    raise failures[0] from None
                # Not with its cause, whose text may hold the URL.
                raise _unreachable(upload.url, error) from None

    async def _limited(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The body in pieces that keep to the bandwidth limit."""
        async for chunk in body:
            size = self._limit.piece(len(chunk))
            for begin in range(0, len(chunk), size):
                piece = chunk[begin : begin + size]
                await self._limit.take(len(piece))
                yield piece

    async def _put(self, upload: Upload, body: AsyncIterator[bytes]) -> None:
        begin = time.monotonic()
        async with self._session.request(
            upload.method,
            # As it was signed, to the letter.
            URL(upload.url, encoded=True),
            data=body,
            headers=upload.headers,
            skip_auto_headers=("Content-Type",),
            timeout=TIMEOUT,
            allow_redirects=False,
        ) as response:
            self._observe(upload.method, upload.url, response.status, begin)
            if response.status >= 300:
                refusal = _refusal(response, await response.read())
                # Else the rest of the body would still be sent.
                response.close()
                raise refusal

    async def get(self, url: str, begin: int) -> AsyncGenerator[bytes, None]:
        """The bytes of an object from ``begin`` on. Raises as ``put`` does."""
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        began = time.monotonic()
        async with self._slots:
            try:
                async with self._session.get(
                    URL(url, encoded=True), headers=headers, timeout=TIMEOUT
                ) as response:
                    self._observe("GET", url, response.status, began)
                    if response.status != (206 if begin else 200):
                        raise _refusal(response, await response.content.read(10_000))
                    async for chunk in response.content.iter_chunked(self._limit.piece(CHUNK)):
                        await self._limit.take(len(chunk))
                        yield chunk
            except (aiohttp.ClientError, TimeoutError) as error:
                raise _unreachable(url, error) from None

    def _observe(self, method: str, url: str, status: int, begin: float) -> None:
        # Without the query, which is the signature.
        self._observer.request(method, url.partition("?")[0], status, time.monotonic() - begin)


async def _moving(
    body: AsyncIterator[bytes], limit: asyncio.Timeout, failures: list[Exception]
) -> AsyncIterator[bytes]:
    """The body, which puts off the limit whenever a chunk was taken and keeps what aiohttp would hide."""
    loop = asyncio.get_running_loop()
    try:
        async for chunk in body:
            yield chunk
            limit.reschedule(loop.time() + SILENCE)
    except Exception as failure:
        failures.append(failure)
        raise


def _refusal(response: aiohttp.ClientResponse, body: bytes) -> StoreRefused:
    found = _S3_CODE.search(body)
    return StoreRefused(response.status, found[1].decode() if found else response.reason or "no reason")


def _unreachable(url: str, error: Exception) -> Unreachable:
    return Unreachable(
        f"The object store at {urlsplit(url).netloc} does not answer ({type(error).__name__})."
    )
