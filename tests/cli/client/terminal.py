"""A narrow terminal with a command on it."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pyte

from tests.cli.client.shell import Shell

COLUMNS, LINES = 40, 12


class Terminal:
    """A narrow terminal with a command on it."""

    def __init__(self, descriptor: int, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._descriptor = descriptor
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def lines(self) -> list[str]:
        """What is to be read on it."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def read_until(self, text: str) -> None:
        """Read until a text is on the screen."""
        deadline = time.monotonic() + 60
        while not any(text in line for line in self.lines):
            assert time.monotonic() < deadline, self.lines
            assert self._read(), self.lines

    def read_all(self) -> None:
        """Read until the command ends."""
        while self._read():
            pass

    def _read(self) -> bool:
        select.select([self._descriptor], [], [], 60)
        try:
            self._stream.feed(os.read(self._descriptor, 65536))
        except OSError:  # how Linux says that all writers are gone
            return False
        return True


@contextmanager
def terminal(shell: Shell, *arguments: object) -> Iterator[Terminal]:
    """Run a command with stderr on a terminal of its own."""
    ours, theirs = pty.openpty()
    shell.environment |= {"COLUMNS": str(COLUMNS), "TERM": "xterm"}
    try:
        with shell.started(*arguments, stderr=theirs, stdout=theirs) as process:
            os.close(theirs)
            yield Terminal(ours, process)
    finally:
        os.close(ours)
