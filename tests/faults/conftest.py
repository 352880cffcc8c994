"""Servers that may be harmed."""

from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.forking import ForkingStack


# Ends with the last of these tests, not with the session: servers that idle take time from those that work.
@pytest.fixture(scope="package")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers that may be killed without disturbing other tests."""
    with ForkingStack(tmp_path_factory.mktemp("faults")) as running:
        yield running
