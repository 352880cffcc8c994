"""Presigned requests to the object store, with exactly the signed headers and without the token."""

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
from waybill.client.proxy import proxy_for

#: A connection on which no chunk moves for this long is broken.
STALL_SECONDS = 120
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=STALL_SECONDS)

_S3_CODE = re.compile(rb"<Code>(\w+)</Code>")
_S3_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")

CHUNK_BYTES = 256 * 1024


class Store:
    """Sends and receives bytes, with up to ``parallel`` requests at the same time."""

    def __init__(
        self, session: aiohttp.ClientSession, parallel: int, limit: BandwidthLimit, observer: Observer
    ) -> None:
        self.parallel = parallel
        self._limit = limit
        self._observer = observer
        self._session = session
        #: One for each request that transfers bytes.
        self.slots = asyncio.Semaphore(parallel)

    async def put(self, upload: Upload, body: AsyncIterator[bytes]) -> None:
        """Send bytes once.

        Raises:
            StoreRefused: the store refused them.
            Unreachable: the connection broke, or no byte moved for ``STALL_SECONDS``.
            Exception: what ``body`` raised.
        """
        failures: list[Exception] = []
        async with self.slots:
            try:
                async with asyncio.timeout(STALL_SECONDS) as deadline:
                    await self._put(upload, _with_deadline(self._limited(body), deadline, failures))
            except (aiohttp.ClientError, TimeoutError) as error:
                if failures:
                    raise failures[0] from None
                # Without its cause, whose text may contain the URL.
                raise _unreachable(upload.url, error) from None

    async def _limited(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the body in pieces, within the bandwidth limit."""
        async for chunk in body:
            size = self._limit.piece_bytes(len(chunk))
            for begin in range(0, len(chunk), size):
                piece = chunk[begin : begin + size]
                await self._limit.acquire(len(piece))
                yield piece

    async def _put(self, upload: Upload, body: AsyncIterator[bytes]) -> None:
        begin = time.monotonic()
        # The URL must stay exactly as it was signed.
        url = URL(upload.url, encoded=True)
        async with self._session.request(
            upload.method,
            url,
            proxy=proxy_for(url),
            data=body,
            headers=upload.headers,
            skip_auto_headers=("Content-Type",),
            timeout=TIMEOUT,
            allow_redirects=False,
        ) as response:
            self._observe(upload.method, upload.url, response.status, begin)
            if response.status >= 300:
                refusal = _refusal(response, await response.read())
                # Otherwise the rest of the body would be sent.
                response.close()
                raise refusal

    async def get(self, url: str, begin: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object from ``begin`` on. The caller holds a slot. Raises as ``put`` does."""
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        signed = URL(url, encoded=True)
        began = time.monotonic()
        try:
            async with self._session.get(
                signed, proxy=proxy_for(signed), headers=headers, timeout=TIMEOUT
            ) as response:
                self._observe("GET", url, response.status, began)
                if response.status != (206 if begin else 200):
                    raise _refusal(response, await _error_body(response))
                async for chunk in response.content.iter_chunked(self._limit.piece_bytes(CHUNK_BYTES)):
                    await self._limit.acquire(len(chunk))
                    yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(url, error) from None

    def _observe(self, method: str, url: str, status: int, begin: float) -> None:
        # Without the query, which contains the signature.
        self._observer.request(method, url.partition("?")[0], status, time.monotonic() - begin)


async def _error_body(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    # One read returns what has arrived, which may be the beginning.
    while piece := await response.content.read(10_000 - len(body)):
        body += piece
    return body


async def _with_deadline(
    body: AsyncIterator[bytes], deadline: asyncio.Timeout, failures: list[Exception]
) -> AsyncIterator[bytes]:
    """Yield the body. Extend the deadline for each chunk, and record errors that aiohttp would hide."""
    loop = asyncio.get_running_loop()
    try:
        async for chunk in body:
            yield chunk
            deadline.reschedule(loop.time() + STALL_SECONDS)
    except Exception as failure:
        failures.append(failure)
        raise


def _refusal(response: aiohttp.ClientResponse, body: bytes) -> StoreRefused:
    code, message = _S3_CODE.search(body), _S3_MESSAGE.search(body)
    return StoreRefused(
        response.status,
        code[1].decode() if code else response.reason or "no reason",
        message[1].decode(errors="replace") if message else "",
    )


def _unreachable(url: str, error: Exception) -> Unreachable:
    return Unreachable(
        f"The object store at {urlsplit(url).netloc} does not answer ({type(error).__name__})."
    )
