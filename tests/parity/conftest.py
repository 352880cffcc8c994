"""Each scenario runs through both APIs."""

from collections.abc import AsyncIterator

import pytest

from tests.parity.apis import ApiClient, GraphQLApi, RestApi
from tests.service import Service

APIS: dict[str, type[ApiClient]] = {"rest": RestApi, "graphql": GraphQLApi}


@pytest.fixture(params=APIS)
def api_class(request: pytest.FixtureRequest) -> type[ApiClient]:
    """The API of this run."""
    return APIS[request.param]


@pytest.fixture
async def api(api_class: type[ApiClient], service: Service, owner: str) -> AsyncIterator[ApiClient]:
    """The API of this run, in the name of this test's owner."""
    async with service.client(owner) as client:
        yield api_class(client)


@pytest.fixture
async def stranger(api_class: type[ApiClient], service: Service, owner: str) -> AsyncIterator[ApiClient]:
    """The API of this run, in the name of another owner."""
    async with service.client(f"not-{owner}") as client:
        yield api_class(client)


@pytest.fixture
async def anonymous(api_class: type[ApiClient], service: Service) -> AsyncIterator[ApiClient]:
    """The API of this run, without a token."""
    async with service.client(None) as client:
        yield api_class(client)
