"""Each scenario runs through both faces."""

from collections.abc import AsyncIterator

import pytest

from tests.parity.faces import Face, GraphQLFace, RestFace
from tests.service import Service

FACES: dict[str, type[Face]] = {"rest": RestFace, "graphql": GraphQLFace}


@pytest.fixture(params=FACES)
def face_class(request: pytest.FixtureRequest) -> type[Face]:
    """The face of this run."""
    return FACES[request.param]


@pytest.fixture
async def face(face_class: type[Face], service: Service, owner: str) -> AsyncIterator[Face]:
    """The face of this run, in the name of this test's owner."""
    async with service.client(owner) as client:
        yield face_class(client)


@pytest.fixture
async def stranger(face_class: type[Face], service: Service, owner: str) -> AsyncIterator[Face]:
    """The face of this run, in the name of another owner."""
    async with service.client(f"not-{owner}") as client:
        yield face_class(client)


@pytest.fixture
async def anonymous(face_class: type[Face], service: Service) -> AsyncIterator[Face]:
    """The face of this run, without a token."""
    async with service.client(None) as client:
        yield face_class(client)
