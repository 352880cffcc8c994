"""Servers that may be harmed, and the table at the end."""

from collections.abc import Iterator
from typing import Any

import pytest

from stack.stack import Stack
from tests.faults.table import ROWS, rendered


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers that may be killed without disturbing other tests."""
    with Stack(tmp_path_factory.mktemp("faults")) as running:
        yield running


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was tried and what was lost."""
    if ROWS:
        terminalreporter.section("faults")
        for line in rendered():
            terminalreporter.write_line(line)
