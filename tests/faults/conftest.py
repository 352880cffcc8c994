"""Servers that may be harmed."""

from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.forking import ForkingStack


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers that may be killed without disturbing other tests."""
    with ForkingStack(tmp_path_factory.mktemp("faults")) as running:
        yield running
