"""Progress on a terminal: one bar over all bytes, and one for each large file on its way. On stderr."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from cli.client.words import printable

#: Bytes. A smaller file is gone before its bar could be read.
WORTH_A_BAR = 8 * 1024**2


class Board:
    """The bars. Where stderr is no terminal there are none, and lines are printed as they come."""

    def __init__(self, files: int, size: int = 0) -> None:
        console = Console(stderr=True, emoji=False)
        self._is_shown = console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            # What is printed on stdout stays there.
            redirect_stdout=False,
        )
        self._files = files
        self._ended = 0
        self._size = size
        self._all = self._progress.add_task(self._count(), total=size)

    def shown(self) -> AbstractContextManager[object]:
        """The context in which the bars are there."""
        return self._progress if self._is_shown else nullcontext()

    def expect(self, size: int) -> None:
        """There are so many bytes more than was said before."""
        self._size += size
        self._progress.update(self._all, total=self._size)

    @contextmanager
    def file(self, name: str, size: int) -> Iterator["FileBar"]:
        """A file's share of the board, for as long as it is on its way."""
        task = None
        if size >= WORTH_A_BAR:
            task = self._progress.add_task(printable(name), total=size)
        bar = FileBar(self._progress, self._all, task)
        try:
            yield bar
        finally:
            self._ended += 1
            bar.moving(size, size)
            self._progress.update(self._all, description=self._count())
            if task is not None:
                self._progress.remove_task(task)

    def print(self, line: str) -> None:
        """Print a line on stdout, above the bars where both are on a terminal."""
        if self._is_shown and sys.stdout.isatty():
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, flush=True)

    def say(self, line: str) -> None:
        """Print a line on stderr, above the bars."""
        self._progress.console.print(f"waybill: {line}", markup=False, highlight=False, soft_wrap=True)

    def _count(self) -> str:
        return f"{self._ended}/{self._files} files"


class FileBar:
    """Tells the board of one file."""

    def __init__(self, progress: Progress, everything: TaskID, task: TaskID | None) -> None:
        self._progress = progress
        self._all = everything
        self._task = task
        self._moved = 0

    def hashing(self, done: int, size: int) -> None:
        """So many bytes are hashed; they are sent after that, so the bar begins again then."""
        if self._task is not None:
            self._progress.update(self._task, completed=done)

    def moving(self, done: int, size: int) -> None:
        """So many bytes are sent, or received."""
        self._progress.advance(self._all, done - self._moved)
        self._moved = done
        if self._task is not None:
            self._progress.update(self._task, completed=done)
