"""Waiting for what a process is to bring, in one place that notices when the process is dead.

Every wait ends in one of three ways: the condition holds; a process died by itself, and its exit report is
the failure, at once; or the time is over. A process that a test ends by ``Child.kill``, ``stop`` or
``terminate`` has not died by itself. If a process is expected to end by itself, wait for it with ``ended``.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload
from weakref import WeakSet

import httpx

from stack.process import Child
from stack.stack import Stack

T = TypeVar("T")


class TimeIsOver(AssertionError):
    """Raised by a wait whose condition does not come to hold in time."""


#: Seconds between two looks: at first, and at most. A look is often a request, and takes processor time from
#: the processes that are waited for.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.03, 0.2

#: What a pause is of the time that has been waited already, so that looking rarely makes no wait much longer.
PAUSE_SHARE = 0.1

#: Says what is waited for; a function, if that is known only in the end.
What = str | Callable[[], object]

_watched: WeakSet[Stack] = WeakSet()

#: Processes by id whose end is part of the test.
_expected: set[int] = set()


def watch(stack: Stack) -> None:
    """Have every wait fail as soon as a process of this stack dies by itself."""
    _watched.add(stack)


def fail_if_a_process_died() -> None:
    """Raise AssertionError with the exit report of a watched process that died by itself."""
    for stack in _watched:
        for child in stack.children:
            if child.died_by_itself() and child.pid not in _expected:
                raise AssertionError(child.exit_report())


@overload
async def until(look: Callable[[], Awaitable[T | None]], what: What, seconds: float = 60) -> T: ...


@overload
async def until(look: Callable[[], T | None], what: What, seconds: float = 60) -> T: ...


async def until(look: Callable[[], T | Awaitable[T | None] | None], what: What, seconds: float = 60) -> T:
    """Call ``look``, which may be a coroutine function, until it returns something true; return that."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            seen = look()
            found: T | None = await seen if inspect.isawaitable(seen) else seen
        except httpx.TransportError:
            fail_if_a_process_died()
            raise
        if found:
            return found
        _check(deadline, what, seconds)
        await asyncio.sleep(_pause(deadline - seconds))


def wait_until(look: Callable[[], T | None], what: What, seconds: float = 60) -> T:
    """As ``until``, and blocks."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        _check(deadline, what, seconds)
        time.sleep(_pause(deadline - seconds))
    return found


async def result(of: Awaitable[T], what: What, seconds: float = 60) -> T:
    """Return the result of an awaitable that waits for a process."""
    deadline = time.monotonic() + seconds
    task = asyncio.ensure_future(of)
    try:
        while not (await asyncio.wait({task}, timeout=_pause(deadline - seconds)))[0]:
            _check(deadline, what, seconds)
        return task.result()
    finally:
        task.cancel()


async def ended(child: Child, seconds: float = 60) -> int:
    """Wait for the end of a process. Return its exit code, or minus the signal that killed it."""
    _expected.add(child.pid)
    await until(lambda: child.exit_code() is not None, f"{child.name} ends", seconds)
    code = child.exit_code()
    assert code is not None
    return code


def _check(deadline: float, what: What, seconds: float) -> None:
    fail_if_a_process_died()
    if time.monotonic() >= deadline:
        raise TimeIsOver(f"not within {seconds:g} s: {what if isinstance(what, str) else what()}")


def _pause(began: float) -> float:
    waited = time.monotonic() - began
    return min(max(FIRST_PAUSE_SECONDS, PAUSE_SHARE * waited), LONGEST_PAUSE_SECONDS)
