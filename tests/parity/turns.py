"""Calls of one owner from code that is not asynchronous, through both APIs in turn."""

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.parity.apis import ApiClient, GraphQLApi, Outcome, RestApi
from tests.service import Service

T = TypeVar("T")


class Turns:
    """The APIs in turn, and an event loop to call them in."""

    def __init__(self, service: Service, owner: str) -> None:
        self._runner = asyncio.Runner()
        self._client = service.client(owner)
        apis: list[ApiClient] = [RestApi(self._client), GraphQLApi(self._client)]
        self._apis = itertools.cycle(apis)

    @property
    def api(self) -> ApiClient:
        """The one whose turn it is."""
        return next(self._apis)

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Return what a call returns."""
        return self._runner.run(call)

    def done(self, call: Coroutine[Any, Any, Outcome]) -> Any:
        """Return the data of a call that must succeed."""
        outcome = self.run(call)
        assert outcome.code is None, outcome
        return outcome.data

    def listed(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the files of a list that has one page."""
        page = self.done(self.api.list(limit=100, **filters))
        assert page["next"] is None
        files: list[dict[str, Any]] = page["items"]
        return files

    def settled_list(self) -> list[dict[str, Any]]:
        """Return the files once two lists in a row are the same: a worker may finish one meanwhile."""
        listed: list[dict[str, Any]] = []
        while True:
            before, listed = listed, self.listed()
            if before == listed:
                return listed

    def close(self) -> None:
        """Close the connections and the loop."""
        self.run(self._client.aclose())
        self._runner.close()
