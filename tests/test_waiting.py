"""A wait that ends with the process that it waits for."""

import asyncio
import sys
from collections.abc import Callable, Iterator

import pytest

from stack.stack import Child, Stack
from tests import waiting
from tests.service import Service

Start = Callable[[str, str], Child]


@pytest.fixture
def start(stack: Stack, service: Service) -> Iterator[Start]:
    """Starts a process by its name and its program in Python. ``service`` has the stack watched."""
    started: list[Child] = []

    def run(name: str, program: str) -> Child:
        started.append(stack.spawn(name, [sys.executable, "-c", program]))
        return started[-1]

    yield run
    for child in started:
        child.stop()


async def test_a_wait_fails_at_once_with_the_end_of_the_log_of_who_died(start: Start) -> None:
    start("mayfly", "print('I have seen enough'); raise SystemExit(3)")
    with pytest.raises(AssertionError, match=r"mayfly ended with exit code 3(?s:.*)I have seen enough"):
        await waiting.until(lambda: False, "what it brings", 60)
    with pytest.raises(AssertionError, match="mayfly ended"):
        waiting.wait_until(lambda: False, "what it brings", 60)
    with pytest.raises(AssertionError, match="mayfly ended"):
        await waiting.result(asyncio.Event().wait(), "what it brings", 60)


async def test_who_is_stopped_killed_or_expected_to_end_has_not_died(start: Start) -> None:
    start("stopped", "import signal; signal.pause()").stop()
    start("killed", "import signal; signal.pause()").kill()
    assert await waiting.ended(start("done", "raise SystemExit(4)")) == 4
    waiting.fail_if_a_process_died()
