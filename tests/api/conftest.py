"""HTTP clients, with and without a token."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.service import Service


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
