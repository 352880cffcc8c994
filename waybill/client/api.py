"""Requests to the API, with the token, errors and retries."""

import json
import math
import os
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from waybill.client.errors import ApiError, ClientError, FileNotFound, UnexpectedAnswer, Unreachable, error_of
from waybill.client.observer import Observer
from waybill.client.proxy import proxy_for
from waybill.client.retry import Retry

#: A token, or a function that returns one for each request, because tokens expire.
Token = str | Callable[[], str]

#: An API whose database is unavailable needs some seconds to answer so.
TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
#: A stream that is silent for 60 seconds is broken: the server sends a comment more often.
STREAM_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)

#: How long the first request is retried. An address that never answered is more likely wrong than
#: unavailable.
FIRST_CONTACT_SECONDS = 2


class CallOptions(TypedDict, total=False):
    """The options of a request to the API."""

    query: Sequence[tuple[str, str]]
    body: Mapping[str, Any] | None
    headers: Mapping[str, str] | None
    limits: aiohttp.ClientTimeout


class Api:
    """The API of one server, for one token."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: Token, retry_seconds: float, observer: Observer
    ) -> None:
        self.url = url
        self._retry_seconds = retry_seconds
        self._observer = observer
        self._session = session
        self._token = token
        self._was_reached = False

    async def call(
        self,
        method: str,
        path: str,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Send a request, with retries, and return the JSON of the response.

        Raises:
            ApiError: the API refused the request.
            Unreachable: the server does not answer.
        """
        answer, _ = await self.call_for_etag(method, path, **options)
        return answer

    async def call_for_etag(
        self,
        method: str,
        path: str,
        **options: Unpack[CallOptions],
    ) -> tuple[Any, str | None]:
        """Return the JSON of the response and its ETag. Raises what ``call`` raises."""
        retry, first_retry = self.new_retry(), self.new_retry(FIRST_CONTACT_SECONDS)
        while True:
            try:
                async with self._open(
                    method,
                    path,
                    options.get("headers") or {},
                    limits=options.get("limits", TIMEOUT),
                    params=options.get("query", ()),
                    json=options.get("body"),
                ) as response:
                    answer = self._parsed(response.status, await response.read())
                    return answer, response.headers.get("ETag")
            except ClientError as error:
                await (retry if self._was_reached else first_retry).wait_after(error)

    def new_retry(self, max_seconds: float = math.inf) -> Retry:
        """Return the retries of a new request, for at most ``max_seconds`` and the client's limit."""
        return Retry(min(self._retry_seconds, max_seconds), self._observer)

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.StreamReader]:
        """Open a stream. Raises what ``call`` raises, but does not retry."""
        accept = {"Accept": "text/event-stream"}
        async with self._open("GET", path, {**accept, **headers}, limits=STREAM_TIMEOUT) as response:
            yield response.content

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        limits: aiohttp.ClientTimeout,
        **more: Any,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        token = self._token if isinstance(self._token, str) else checked_token(self._token())
        url = URL(f"{self.url}/api/v1{path}")
        request = self._session.request(
            method,
            url,
            proxy=proxy_for(url),
            headers={"Authorization": f"Bearer {token}", **headers},
            timeout=limits,
            # The token must not be sent to another server.
            allow_redirects=False,
            **more,
        )
        begin = time.monotonic()
        try:
            async with request as response:
                self._was_reached = True
                self._observer.request(method, f"/api/v1{path}", response.status, time.monotonic() - begin)
                if response.status >= 300:
                    raise self._refusal(response, await response.read())
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{self.url} does not answer: {_reason(error, self.url)}.") from error

    def _parsed(self, status: int, body: bytes) -> Any:
        try:
            answer = json.loads(body)
        except ValueError:
            raise self._unexpected(status) from None
        if not isinstance(answer, dict):
            raise self._unexpected(status)
        return answer

    def _refusal(self, response: aiohttp.ClientResponse, body: bytes) -> ApiError:
        """Return the error of a response, which Waybill or a proxy before it has sent."""
        wait = response.headers.get("Retry-After", "")
        retry_after = float(wait) if wait.isdecimal() else 0
        try:
            problem = json.loads(body)
            if problem["code"] == "not_found" and urlsplit(self.url).path:
                # The server has no such route, so the address has a path too many.
                root = _root(self.url)
                problem["detail"] = f"{self.url} is not the address of the server. Remove the path: {root}"
            return error_of(problem, response.status, retry_after)
        except (ValueError, KeyError, TypeError):
            return self._unexpected(response.status, retry_after, response.headers.get("Location"))

    def _unexpected(
        self, status: int, retry_after: float = 0, location: str | None = None
    ) -> UnexpectedAnswer:
        detail = f"{self.url} answered {status}, but not as a Waybill server does. Check the address."
        if location is not None and urlsplit(location).hostname:
            detail = f"{self.url} redirects to {_root(location)}. Use that address."
        return UnexpectedAnswer(detail, status=status, retry_after=retry_after)


def checked_address(url: str) -> str:
    """Return the address of a server in its normal form.

    Raises:
        ValueError: it is not the address of a server. The message says what to change.
    """
    example = "write it as https://files.example.com"
    url = url.strip()
    # URL parsers remove some of these characters, or read \ as /: the request would go to another address.
    if not url.isprintable() or " " in url or "\\" in url:
        raise ValueError(f"An address cannot contain a space, a control character or a backslash: {example}.")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{url!r} is not an address ({error}): {example}.") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is not the address of a Waybill server: {example}.")
    if "@" in parts.netloc:
        # The message omits it, because it may be a password.
        raise ValueError(
            f"An address cannot contain a user name or a password: use {_root(url)} and a token."
        )
    if parts.query or parts.fragment:
        raise ValueError(f"An address cannot contain ? or #: use {_root(url)}{parts.path.rstrip('/')}.")
    address = url.rstrip("/")
    for ending in ("/api/v1", "/graphql"):
        if address.endswith(ending):
            raise ValueError(
                f"{address} is not the address of a server. Remove {ending}: {address[: -len(ending)]}"
            )
    return address


def checked_token(token: str) -> str:
    """Return the token without leading and trailing spaces.

    Raises:
        ValueError: it is empty, or has a character that an HTTP header cannot carry.
    """
    token = token.strip()
    if not token:
        raise ValueError("The token is empty.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(
            "The token has a space or another character that tokens cannot contain. Copy it again."
        )
    return token


def file_path(file_id: str) -> str:
    """Return the path of a file.

    Raises:
        FileNotFound: it is not an id. Its characters could form the path of another resource.
    """
    if not re.fullmatch(r"[0-9A-Za-z_-]+", file_id):
        raise FileNotFound("The file does not exist: this is not an id.", code="file_not_found", status=404)
    return f"/files/{file_id}"


def _root(url: str) -> str:
    """Return the scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _reason(error: Exception, url: str) -> str:
    """Return why a server did not answer, and what to change in the address if that is a likely cause."""
    reason = str(error) or "it took too long"
    match error:
        case aiohttp.ClientConnectorCertificateError():
            cause = error.certificate_error
            reason = "its certificate is not trusted"
            if isinstance(cause, ssl.SSLCertVerificationError):
                reason += f" ({cause.verify_message})"
        case aiohttp.ClientSSLError():
            plain = f"http://{urlsplit(url).netloc}"
            reason = f"this port does not use TLS. If the server has no TLS, use {plain}"
        case aiohttp.ClientConnectorDNSError():
            reason = "no host has this name"
        case aiohttp.ClientConnectorError(errno=int(number)) if number > 0:
            reason = os.strerror(number).lower()
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | aiohttp.ClientOSError():
            reason = "the connection was closed" + _tls_hint(url)
        case aiohttp.ClientResponseError():
            reason = "its answer is not HTTP" + _tls_hint(url)
    return reason


def _tls_hint(url: str) -> str:
    """Return a hint to use https. A server with TLS answers a plain request by a close or a TLS alert."""
    parts = urlsplit(url)
    return f". If the server uses TLS, use https://{parts.netloc}" if parts.scheme == "http" else ""
