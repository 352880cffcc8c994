"""The context of resolvers."""

import asyncio
import math
import time
from contextlib import suppress
from typing import Any

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket
from strawberry.types import Info as StrawberryInfo

from api.auth import Authenticator
from api.graphql.connection_init import authorization_of
from waybill.platform.principal import Principal
from waybill.resources import Resources


class Context:
    """The resources and the caller of one request or one WebSocket.

    Introspection needs no token, so resolvers check the token when they need the caller.
    """

    def __init__(self, connection: HTTPConnection) -> None:
        #: The payload of `connection_init`, which the client of a WebSocket sent.
        self.connection_params: dict[str, Any] = {}
        self._connection = connection
        self._principal: asyncio.Task[Principal] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def resources(self) -> Resources:
        """The clients and settings for use-cases."""
        resources: Resources = self._connection.state.resources
        return resources

    async def principal(self) -> Principal:
        """Return the caller, and count one operation against the rate limit.

        Raises:
            Unauthenticated: no token, or one that fails any check.
            RateLimited: the caller has sent too many operations.
        """
        principal = await self.caller()
        # Each operation counts, because one request can contain many, by aliases.
        await self.resources.rate_limit.admit(principal.owner)
        return principal

    async def caller(self) -> Principal:
        """Return the caller, without counting an operation.

        Raises:
            Unauthenticated: no token, or one that fails any check.
        """
        # One check for all resolvers of the request, which run in parallel. A refusal is cached too.
        if self._principal is None:
            self._principal = asyncio.create_task(self._checked())
        return await self._principal

    async def end_with_token(self, code: int) -> None:
        """Close the WebSocket when its token expires. Raises Unauthenticated."""
        until = (await self.caller()).until
        if not math.isinf(until):
            self._closing = asyncio.create_task(self._close_at(until, code))

    async def _close_at(self, until: float, code: int) -> None:
        await asyncio.sleep(until - time.time())
        await self.close(code, "The token has expired.")

    async def close(self, code: int, reason: str) -> None:
        """Close the WebSocket."""
        assert isinstance(self._connection, WebSocket)  # noqa: S101  # called for a WebSocket only
        with suppress(RuntimeError):  # closed meanwhile
            await self._connection.close(code, reason)

    def forget(self) -> None:
        """Clean up after the WebSocket was closed."""
        if self._closing is not None:
            self._closing.cancel()

    async def _checked(self) -> Principal:
        """Check the token in the header or, for pages with a WebSocket, in `connection_init`."""
        authenticator: Authenticator = self._connection.state.authenticator
        sent = authorization_of(self.connection_params)
        if sent is None:
            return await authenticator.principal(self._connection)
        return await authenticator.principal_of_header(sent)


Info = StrawberryInfo[Context, None]
