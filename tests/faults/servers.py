"""What befalls a server. Each blocks for as long as it lasts: beside clients it runs in a thread."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from stack.stack import Stack


@contextmanager
def frozen(stack: Stack, name: str) -> Iterator[None]:
    """The server accepts connections and says nothing."""
    os.kill(stack.child(name).pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stack.child(name).pid, signal.SIGCONT)


@contextmanager
def killed(stack: Stack, name: str) -> Iterator[None]:
    """The server is gone, and comes back with its data."""
    stack.child(name).kill()
    try:
        yield
    finally:
        stack.child(name).restart()


@contextmanager
def killed_and_emptied(stack: Stack, name: str) -> Iterator[None]:
    """Valkey is gone, and comes back without a single key."""
    with killed(stack, name):
        shutil.rmtree(stack.folder / name / "appendonlydir")
        yield


FAULTS = {"frozen": frozen, "killed": killed}
