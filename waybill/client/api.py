"""Requests to the API: the token, answers or errors, and patience with a server that is away."""

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from waybill.client.errors import BY_CODE, ApiError, ClientError, Unreachable
from waybill.client.patience import Patience

#: A token, or what gives one whenever a request is made: they expire.
Token = str | Callable[[], str]

#: Seconds. Far more than an answer takes, for an API whose database is away needs some to say so.
TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
#: Seconds of silence until a stream counts as broken.
STREAM_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)

#: Seconds. An address that has never answered is more likely wrong than away.
FIRST_CONTACT = 2


class Api:
    """The API of one server, in the name of one owner."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: Token, patience: float) -> None:
        self.url = url
        self.patience = patience
        self._session = session
        self._token = token
        self._was_reached = False

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of the answer.

        Raises:
            ApiError: the API refused.
            Unreachable: nobody answers.
        """
        patience, first = Patience(self.patience), Patience(min(self.patience, FIRST_CONTACT))
        while True:
            try:
                async with self._open(
                    method, path, headers or {}, limits=TIMEOUT, params=query, json=body
                ) as response:
                    return self._parsed(response.status, await response.read())
            except ClientError as error:
                await (patience if self._was_reached else first).after(error)

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.StreamReader]:
        """An answer that goes on. Raises as ``call`` does, but tries nothing again."""
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
        token = self._token if isinstance(self._token, str) else self._token()
        request = self._session.request(
            method,
            f"{self.url}/api/v1{path}",
            headers={"Authorization": f"Bearer {token}", **headers},
            timeout=limits,
            # The token is for this server alone.
            allow_redirects=False,
            **more,
        )
        try:
            async with request as response:
                self._was_reached = True
                if response.status >= 300:
                    raise self._refusal(response, await response.read())
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{self.url} does not answer: {_reason(error)}.") from error

    def _parsed(self, status: int, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            raise self._unexpected(status) from None

    def _refusal(self, response: aiohttp.ClientResponse, body: bytes) -> ApiError:
        """The error that an answer stands for, be it of Waybill or of something before it."""
        wait = response.headers.get("Retry-After", "")
        retry_after = float(wait) if wait.isdecimal() else 0
        try:
            problem = json.loads(body)
            code, detail = str(problem["code"]), str(problem["detail"])
        except (ValueError, KeyError, TypeError):
            return self._unexpected(response.status, retry_after)
        kind = BY_CODE.get(code, ApiError)
        return kind(detail, code=code, status=response.status, context=problem, retry_after=retry_after)

    def _unexpected(self, status: int, retry_after: float = 0) -> ApiError:
        return ApiError(
            f"{self.url} answered {status}, and not as a Waybill does. Is the address right?",
            code="unexpected_answer",
            status=status,
            retry_after=retry_after,
        )


def checked_address(url: str) -> str:
    """The address of a server, as it is compared and used.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a Waybill: write it as https://files.example.com.")
    return url.rstrip("/")


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return str(error) or "it took too long"
