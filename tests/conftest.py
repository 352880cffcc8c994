"""The embedded stack, once for all tests, and a Waybill on it."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.stack import Stack
from tests.service import Service, start_service


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Real servers, in a folder and on ports of this run's own."""
    folder: Path = tmp_path_factory.mktemp("stack")
    with Stack(folder) as running:
        yield running


@pytest.fixture(scope="session")
def service(stack: Stack) -> Service:
    """The Waybill that most tests share. Each test is an owner of its own, so none sees another's files."""
    return start_service(stack)


@pytest.fixture
def owner() -> str:
    """Somebody who has no files yet."""
    return f"owner-{uuid.uuid4()}"
