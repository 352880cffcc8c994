"""What a resolver can reach."""

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
    """One request, or one WebSocket: its resources, and the caller once a resolver asks who it is.

    Introspection needs no token, so the token is checked by the resolvers and not before them.
    """

    def __init__(self, connection: HTTPConnection) -> None:
        #: What a WebSocket's client sent in `connection_init`.
        self.connection_params: dict[str, Any] = {}
        self._connection = connection
        self._principal: asyncio.Task[Principal] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def resources(self) -> Resources:
        """What use-cases are handed."""
        resources: Resources = self._connection.state.resources
        return resources

    async def principal(self) -> Principal:
        """The caller, admitted to one operation more.

        Raises:
            Unauthenticated: no token, or one that fails any check.
            RateLimited: the caller has sent too many.
        """
        principal = await self.caller()
        # Each operation counts: one request can hold as many as it has aliases.
        await self.resources.rate_limit.admit(principal.owner)
        return principal

    async def caller(self) -> Principal:
        """The caller, whatever they are about to do.

        Raises:
            Unauthenticated: no token, or one that fails any check.
        """
        # One check for all resolvers of the request, which run at once; a refusal is remembered too.
        if self._principal is None:
            self._principal = asyncio.create_task(self._checked())
        return await self._principal

    async def end_with_token(self, code: int) -> None:
        """Have the WebSocket closed when its token is good no more. Raises as ``caller`` does."""
        until = (await self.caller()).until
        if not math.isinf(until):
            self._closing = asyncio.create_task(self._close_at(until, code))

    async def _close_at(self, until: float, code: int) -> None:
        await asyncio.sleep(until - time.time())
        await self.close(code, "The token has expired.")

    async def close(self, code: int, reason: str) -> None:
        """Close the WebSocket."""
        assert isinstance(self._connection, WebSocket)  # noqa: S101  # asked for on a WebSocket alone
        with suppress(RuntimeError):  # closed meanwhile
            await self._connection.close(code, reason)

    def forget(self) -> None:
        """Leave nothing behind: the WebSocket is closed."""
        if self._closing is not None:
            self._closing.cancel()

    async def _checked(self) -> Principal:
        """By the header, which a page cannot send with a WebSocket: there it stands in `connection_init`."""
        authenticator: Authenticator = self._connection.state.authenticator
        sent = authorization_of(self.connection_params)
        if sent is None:
            return await authenticator.principal(self._connection)
        return await authenticator.principal_of_header(sent)


Info = StrawberryInfo[Context, None]
