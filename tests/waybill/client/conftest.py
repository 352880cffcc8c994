"""Clients of a real Waybill, one of which reaches the store over a wire that can be cut."""

from collections.abc import AsyncIterator, Iterator

import pytest

from stack.stack import Stack
from tests.relay import Relay
from tests.service import Service, running_service
from waybill.client import AsyncClient


@pytest.fixture
async def client(service: Service, owner: str) -> AsyncIterator[AsyncClient]:
    """In the name of this test's owner."""
    async with AsyncClient(service.address, service.token(owner)) as client:
        yield client


@pytest.fixture(scope="module")
def wired(stack: Stack, wire: Relay) -> Iterator[Service]:
    """A Waybill whose presigned URLs lead over the wire, and that takes no more than so many requests."""
    with running_service(stack, s3_public_endpoint_url=wire.address, rate_limit="40/second") as running:
        yield running


@pytest.fixture
async def wired_client(wired: Service, wire: Relay, owner: str) -> AsyncIterator[AsyncClient]:
    """A client of ``wired``."""
    wire.requests.clear()
    async with AsyncClient(wired.address, wired.token(owner), parallel=2) as client:
        yield client
