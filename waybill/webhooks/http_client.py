"""The HTTP client for webhooks. Owners choose the URLs, so it connects to public addresses only."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from waybill.webhooks.address_policy import is_public, may_be_public
from waybill.webhooks.concurrency import EndpointLimiter

#: Seconds for a request, from the look-up of the name to the end of the response.
REQUEST_TIMEOUT_SECONDS = 15

#: Bytes of a response that are read and dropped, so that the receiver can finish sending.
MAX_RESPONSE_BYTES = 64 * 1024

#: The most parallel look-ups of names.
MAX_LOOKUPS = 32


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The outcome of a request: a status, or an error. ``retry_after`` is in seconds."""

    status: int | None = None
    error: str | None = None
    retry_after: int | None = None
    duration_seconds: float = 0


class ForbiddenAddressError(OSError):
    """Raised if a request would go to a host that is not public."""

    def __init__(self) -> None:
        # The same text for each address, so that an owner cannot probe our network with it.
        super().__init__("the address is not public")


class WebhookClient:
    """Sends requests to receivers. Connects at the first request."""

    def __init__(self, *, allow_private: bool, resolver: AbstractResolver | None = None) -> None:
        self.limiter = EndpointLimiter()
        self._allow_private = allow_private
        self._resolver = resolver or _Resolver()
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> DeliveryResult:
        """Send one request, and follow no redirect.

        Never raises for HTTP or network errors; returns them in the result.
        """
        began = time.monotonic()
        status = error = retry_after = None
        if self._session is None:
            self._session = self._open()
        try:
            target = URL(url)
            # Webhooks of older releases were not checked by the current rules.
            if not self._allow_private and not may_be_public(target.raw_host or ""):
                raise ForbiddenAddressError
            async with (
                asyncio.timeout(REQUEST_TIMEOUT_SECONDS),
                self._session.post(target, data=body, headers=headers, allow_redirects=False) as response,
            ):
                status, retry_after = response.status, _seconds(response.headers.get("Retry-After"))
                left = MAX_RESPONSE_BYTES
                while left > 0 and (piece := await response.content.read(left)):
                    left -= len(piece)
        except (TimeoutError, aiohttp.ClientError, ValueError, OSError) as problem:
            # If there is a status, the rest of the response does not matter.
            error = _reason(problem) if status is None else None
        return DeliveryResult(status, error, retry_after, time.monotonic() - began)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
        await self._resolver.close()

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            use_dns_cache=False,
            # Checked here, and not when the name is resolved: a name can resolve to another address next time
            # (DNS rebinding), and a number has many forms. This is exactly the address of the connection.
            socket_factory=None if self._allow_private else _open_socket,
            # One connection for each attempt, so that attempts of different owners share nothing.
            force_close=True,
            limit=0,
            ssl=ssl.create_default_context(),
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # The limit counts the bytes that were sent, so nothing is decompressed.
            auto_decompress=False,
            # A proxy would connect to an address that was not checked.
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )


class _Resolver(AbstractResolver):
    """The system's resolver, in its own threads, so that a slow name server delays only other look-ups."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(MAX_LOOKUPS, thread_name_prefix="lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name. Raises OSError if it cannot be resolved."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Cancel pending look-ups and return at once."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _open_socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    family, kind, protocol, _, place = address
    if not is_public(str(place[0])):
        raise ForbiddenAddressError
    return socket.socket(family, kind, protocol)


#: The error that an owner sees, by the exception, the narrowest class first. The texts reveal nothing of our
#: network.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, f"no response within {REQUEST_TIMEOUT_SECONDS} s"),
    (UnicodeError, "the host name cannot be resolved"),
    (aiohttp.ClientConnectorDNSError, "the host name cannot be resolved"),
    (aiohttp.ClientConnectorCertificateError, "the certificate is not valid for this host"),
    (aiohttp.ClientConnectorSSLError, "TLS failed"),
    (aiohttp.ClientConnectorError, "cannot connect"),
    (OSError, "the connection broke"),
    (aiohttp.ServerDisconnectedError, "the connection broke"),
    # Raised by the parsers of URLs in aiohttp and yarl.
    (ValueError, "the URL is not valid"),
    (Exception, "the response is not HTTP"),
)


def _reason(problem: Exception) -> str:
    # Aiohttp wraps exceptions that are raised while it connects.
    cause = getattr(problem, "os_error", problem)
    if isinstance(cause, ForbiddenAddressError):
        return str(cause)
    return next(text for kind, text in _REASONS if isinstance(problem, kind))


def _seconds(retry_after: str | None) -> int | None:
    """Return the seconds that Retry-After requests (RFC 9110, 10.2.3: seconds, or a date), or None."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        return round((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


@asynccontextmanager
async def open_webhook_client(*, allow_private: bool) -> AsyncIterator[WebhookClient]:
    """Yield a client. With ``allow_private`` it also connects to this host and to private networks."""
    client = WebhookClient(allow_private=allow_private)
    try:
        yield client
    finally:
        await client.close()
