"""Progress on a terminal, on stderr: a line for each large file, and one for all files together."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from cli.client.formatting import format_duration, format_file_count, format_size, printable
from cli.client.outage import Outage
from cli.client.verbosity import VERBOSITY, request_line
from waybill.client import ClientError

#: Smaller files get no line of their own, because they end before a user can read it.
MIN_BAR_BYTES = 8 * 1024**2

#: Seconds without a byte after which a transfer counts as stalled.
STALL_SECONDS = 5.0

#: Widths of the terminal from which the bar, and the time left, are shown.
BAR_MIN_COLUMNS, TIME_LEFT_MIN_COLUMNS = 60, 80


class TransferProgress:
    """The progress of a command. If stderr is not a terminal, it prints only messages, one per line.

    Args:
        files: how many files are transferred.
        size: bytes of all files whose size is known.
        verb: what happens to them: ``sending`` or ``receiving``.
    """

    def __init__(self, files: int, size: int = 0, *, verb: str = "sending") -> None:
        self._console = console = Console(stderr=True, emoji=False)
        self._is_shown = console.is_terminal and not VERBOSITY.quiet
        self._verb = verb
        self._outage = Outage()
        self._began = self._moved_at = time.monotonic()
        self._moved = 0
        self._progress = _ProgressLines(console, self._notice)
        self._files = files
        self._ended = 0
        self._size = size
        # The line of a single file shows everything, so the line for all files is not needed.
        self._all = self._progress.add_task(self._count(), total=size, visible=files > 1)

    def shown(self) -> AbstractContextManager[object]:
        """Return the context in which the lines are shown."""
        return self._progress if self._is_shown else nullcontext()

    def expect(self, size: int) -> None:
        """Add bytes to the expected total. A negative number subtracts them."""
        self._size += size
        self._progress.update(self._all, total=self._size)

    @contextmanager
    def file(self, name: str, size: int) -> Iterator["FileProgress"]:
        """Show a file until the context ends."""
        bar = FileProgress(self, name, size, is_shown=self._files == 1 or size >= MIN_BAR_BYTES)
        try:
            yield bar
        finally:
            self._ended += 1
            # Bytes that were not sent, because they are stored already or the file failed, do not count.
            self.expect(bar.moved - size)
            self._progress.update(self._all, description=self._count())
            bar.end()

    def print(self, line: str) -> None:
        """Print a line on stdout, above the progress if both are on a terminal."""
        line = printable(line)
        if self._is_shown and sys.stdout.isatty():
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, flush=True)

    def print_message(self, line: str) -> None:
        """Print a line on stderr, above the progress."""
        line = printable(f"waybill: {line}")
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def summarise(self, counts: Mapping[str, int]) -> None:
        """Print the closing line, unless quiet: files by outcome, bytes, seconds and rate."""
        if VERBOSITY.quiet:
            return
        seconds = time.monotonic() - self._began
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
        rate = f" ({format_size(self._moved / seconds)}/s)" if self._moved and seconds else ""
        moved = f"{format_size(self._moved)} in {format_duration(seconds)}{rate}"
        self.print_message(f"{format_file_count(self._files)}: {outcomes or 'nothing to do'}; {moved}")

    def request(self, method: str, target: str, status: int, seconds: float) -> None:
        """See waybill.client.Observer."""
        self._outage.answered(status)
        if VERBOSITY.verbose:
            self.print_message(request_line(method, target, status, seconds))

    def retry(self, error: ClientError, seconds: float) -> None:
        """See waybill.client.Observer. On a terminal the outage is a line of the progress."""
        self._outage.failed(error, seconds, (lambda _: None) if self._is_shown else self.print_message)

    def begin(self, verb: str, name: str, total: int | None) -> TaskID:
        """Add a line for one phase of a file; without a total it shows only that work is in progress."""
        return self._progress.add_task(f"{verb} {printable(name)}", total=total)

    def update(self, task: TaskID | None, done: int, sent: int = 0) -> None:
        """Record that a phase has reached ``done`` bytes, and that ``sent`` more crossed the network."""
        self._moved_at = time.monotonic()
        # Negative if a connection broke and bytes must be sent again.
        self._moved += sent
        if sent > 0:
            self._outage.ended()
        if sent:
            self._progress.advance(self._all, sent)
        if task is not None:
            self._progress.update(task, completed=done)

    def remove(self, task: TaskID) -> None:
        """Remove a line."""
        self._progress.remove_task(task)

    @property
    def verb(self) -> str:
        """The verb of the transfer: ``sending`` or ``receiving``."""
        return self._verb

    def _notice(self) -> str:
        """Return why no bytes move, or an empty string."""
        is_narrow = self._console.width < BAR_MIN_COLUMNS
        if self._outage.is_on:
            return self._outage.notice(short=is_narrow)
        idle = time.monotonic() - self._moved_at
        return f"waiting for the server ({idle:.0f} s)" if idle >= STALL_SECONDS else ""

    def _count(self) -> str:
        return f"{self._ended}/{self._files} files"


class FileProgress:
    """The line of one file. Hashing, sending and verifying are phases, and each replaces the line."""

    def __init__(self, transfer: TransferProgress, name: str, size: int, *, is_shown: bool) -> None:
        self._transfer = transfer
        self._name = name
        self._size = size
        self._is_shown = is_shown
        self._verb = ""
        self._task: TaskID | None = None
        self.moved = 0

    def reading(self) -> None:
        """Record that a pipe is read. Its size is unknown until its end."""
        self._phase("reading", None)

    def hashing(self, done: int, size: int) -> None:
        """Record how many bytes are hashed."""
        self._phase("hashing", size)
        self._transfer.update(self._task, done)

    def moving(self, done: int, size: int) -> None:
        """Record how many bytes are sent or received. The number falls if bytes must be sent again."""
        self._phase(self._transfer.verb, size)
        self._transfer.update(self._task, done, sent=done - self.moved)
        self.moved = done

    def verifying(self) -> None:
        """Record that all bytes are sent, and that the server verifies them."""
        self._phase("verifying", None)

    def end(self) -> None:
        """Remove the line."""
        if self._task is not None:
            self._transfer.remove(self._task)
            self._task = None

    def _phase(self, verb: str, total: int | None) -> None:
        if self._is_shown and verb != self._verb:
            self.end()
            self._verb = verb
            self._task = self._transfer.begin(verb, self._name, total)


class _ProgressLines(Progress):
    """One line for each task, cut to the width of the terminal, and a notice below them."""

    def __init__(self, console: Console, notice: Callable[[], str]) -> None:
        self._notice = notice
        width = console.width
        columns: list[ProgressColumn] = [
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            )
        ]
        if width >= BAR_MIN_COLUMNS:
            columns += [BarColumn(bar_width=min(40, width // 4)), _Amount()]
        else:
            columns.append(_Percentage())
        columns.append(_Speed(notice))
        if width >= TIME_LEFT_MIN_COLUMNS:
            columns.append(_TimeLeft(notice))
        # Standard output is for results, so rich must not redirect it.
        super().__init__(*columns, console=console, transient=True, redirect_stdout=False, expand=True)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return what is drawn: see rich.progress.Progress."""
        yield self.make_tasks_table([task for task in self.tasks if task.visible])
        if notice := self._notice():
            yield Text(notice, style="yellow", no_wrap=True, overflow="ellipsis")


class _Cell(ProgressColumn):
    """A cell that does not wrap."""

    def __init__(self, notice: Callable[[], str] = str) -> None:
        super().__init__(table_column=Column(no_wrap=True, justify="right"))
        self._notice = notice


class _Amount(_Cell):
    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text()
        return Text(f"{format_size(task.completed)} of {format_size(task.total)}")


class _Percentage(_Cell):
    def render(self, task: Task) -> Text:
        return Text() if task.total is None else Text(f"{task.percentage:.0f}%")


class _Speed(_Cell):
    def render(self, task: Task) -> Text:
        # While no bytes move, the average of the last seconds is misleading.
        is_moving = task.total is not None and task.speed and not task.finished and not self._notice()
        return Text(f"{format_size(task.speed or 0)}/s" if is_moving else "")


class _TimeLeft(_Cell):
    def render(self, task: Task) -> Text:
        left = task.time_remaining
        is_known = left and task.total is not None and not self._notice()
        return Text(format_duration(left or 0) if is_known else "")
