"""HTTP clients, with and without a token; a token issuer."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from api.auth import Authenticator
from tests.api.issuer import Issuer
from tests.service import Service
from waybill.platform.settings import TokenSettings


@pytest.fixture
async def client(service: Service, owner: str) -> AsyncIterator[httpx.AsyncClient]:
    """Sends the token of this test's owner."""
    async with service.client(owner) as client:
        yield client


@pytest.fixture
async def anonymous(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Sends no token."""
    async with service.client(None) as client:
        yield client


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """A token issuer of this test's own."""
    issuer = Issuer()
    server = await asyncio.start_server(issuer.serve, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
    yield issuer
    issuer.hold.set()
    server.close()


@pytest.fixture
def authenticator(issuer: Issuer) -> Authenticator:
    """What verifies tokens by that issuer's keys."""
    return Authenticator(TokenSettings(jwks_url=issuer.url))
