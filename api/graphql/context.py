"""What a resolver can reach."""

import asyncio

from starlette.requests import Request
from strawberry.types import Info as StrawberryInfo

from waybill.principal import Principal
from waybill.resources import Resources


class Context:
    """One request: its resources, and the caller once a resolver asks who it is.

    Introspection needs no token, so the token is checked by the resolvers and not before them.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._principal: asyncio.Task[Principal] | None = None

    @property
    def resources(self) -> Resources:
        """What use-cases are handed."""
        resources: Resources = self._request.state.resources
        return resources

    async def principal(self) -> Principal:
        """The caller, admitted to one operation more.

        Raises:
            Unauthenticated: no token, or one that fails any check.
            RateLimited: the caller has sent too many.
        """
        # One check for all resolvers of the request, which run at once; a refusal is remembered too.
        if self._principal is None:
            check = self._request.state.authenticator.principal(self._request)
            self._principal = asyncio.create_task(check)
        principal = await self._principal
        # Each operation counts: one request can hold as many as it has aliases.
        await self.resources.rate_limit.admit(principal.owner)
        return principal


Info = StrawberryInfo[Context, None]
