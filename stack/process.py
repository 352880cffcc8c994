"""One supervised child process: start, watch and stop it, with a log."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError

DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
POLL_SECONDS = 0.02
READY_TIMEOUT_SECONDS = 60.0  # includes recovery after a crash

# Linux sends the death signal when the THREAD that forked the child ends. This thread lives as long as the
# process.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stack-spawner")


@dataclass(frozen=True)
class Command:
    """What to run, and how to end it.

    `grace` is the seconds between SIGTERM and SIGKILL. The kernel sends `orphan_signal` if the supervisor
    dies.
    """

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    grace: float = 10.0
    orphan_signal: signal.Signals = signal.SIGTERM


class Child:
    """A process of the stack. Its log file has its name.

    The process and its own children inherit the descriptor `lock`, so the lock lasts until all have ended.
    `is_ready` checks once, within a few seconds, whether the process works.
    """

    def __init__(self, name: str, log: Path, lock: int, is_ready: Callable[[], bool]) -> None:
        self.name = name
        self.log = log
        self.is_ready = is_ready
        self._lock_descriptor = lock
        self._command: Command | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._being_restarted = False
        self._was_ended = False
        self._reaping = threading.Lock()

    @property
    def pid(self) -> int:
        """The process id of the current or last run. Raises StackError before the first."""
        if self._process is None:
            raise StackError(f"{self.name} was never started")
        return self._process.pid

    def start(self, command: Command) -> None:
        """Start the process. Does not wait until it is ready."""
        self._command = command
        # Keep only the log of the previous run, so that logs do not grow forever.
        if self.log.exists():
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        self._process = _SPAWNER.submit(self._spawn, command).result()
        self._was_ended = False

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        wrapper = [
            sys.executable,
            "-I",
            "-S",
            str(DIE_WITH_PARENT),
            str(os.getpid()),
            str(int(command.orphan_signal)),
        ]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [*wrapper, *command.argv],
                cwd=command.cwd,
                env=dict(command.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(self._lock_descriptor,),
                # The terminal's Ctrl-C must not reach the child, because the supervisor stops children in
                # order.
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        """Return the exit code; negative for a signal; None while it runs."""
        process = self._process
        if process is None:
            return None
        with self._reaping:
            if process.returncode is None and _has_ended(process.pid):
                # Before the process is reaped, because the system can then reuse its id: end the rest of its
                # process group, such as workers of a worker.
                _signal_group(process.pid, signal.SIGKILL)
                process.wait()
            return process.returncode

    def died(self) -> bool:
        """Return whether it ended, other than by a restart."""
        return not self._being_restarted and self.exit_code() is not None

    def died_by_itself(self) -> bool:
        """Return whether it ended without a call of `kill`, `stop` or `terminate`."""
        return not self._was_ended and self.exit_code() is not None

    def kill(self) -> None:
        """SIGKILL the process and its group, and wait until they have ended. `died` returns True then."""
        if self.exit_code() is None:
            self._was_ended = True
            _signal_group(self.pid, signal.SIGKILL)
            self._wait(None)

    def terminate(self) -> None:
        """Send SIGTERM and return at once."""
        if self.exit_code() is None:
            self._was_ended = True
            _signal(self.pid, signal.SIGTERM)
            _signal(self.pid, signal.SIGCONT)  # a suspended process handles SIGTERM only when it continues

    def stop(self) -> None:
        """Send SIGTERM and, after the command's grace, SIGKILL. Wait until it has ended. Idempotent."""
        if self._command is None or self._process is None:
            return
        if self.exit_code() is not None:
            self._was_ended = True  # its end is expected
            return
        self.terminate()
        if not self._wait(self._command.grace):
            self.kill()

    def restart(self) -> None:
        """Stop the process if it runs, start it by the same command, and wait until it is ready.

        Raises StackError if it ends, or is not ready within READY_TIMEOUT_SECONDS.
        """
        if self._command is None:
            raise StackError(f"{self.name} was never started")
        self._being_restarted = True
        try:
            self.stop()
            self.start(self._command)
            self.wait_until_ready()
        finally:
            self._being_restarted = False

    def wait_until_ready(self) -> None:
        """Wait until it is ready. Raises StackError if it ends, or after READY_TIMEOUT_SECONDS."""
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while not self.is_ready():
            if self.exit_code() is not None or time.monotonic() >= deadline:
                raise StackError(f"not ready: {self.exit_report()}")
            time.sleep(POLL_SECONDS)

    def _wait(self, seconds: float | None) -> bool:
        end = None if seconds is None else time.monotonic() + seconds
        while self.exit_code() is None:
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def log_tail(self, lines: int = 20, width: int = 400) -> str:
        """Return the last lines of the log, each cut to `width` characters."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 64 * 1024))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(line[:width] for line in text.splitlines()[-lines:])

    def found_port_in_use(self) -> bool:
        """Return whether its log ends with the system's message for a port in use."""
        return os.strerror(errno.EADDRINUSE).lower() in self.log_tail(200).lower()

    def exit_report(self) -> str:
        """Return how it ended, and the end of its log."""
        code = self.exit_code()
        if code is None:
            how = "is still running"
        elif code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        else:
            how = f"ended with exit code {code}"
        return f"{self.name} {how}; the end of {self.log}:\n{self.log_tail() or '(empty)'}"


def _has_ended(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # reaped by another thread
        os.kill(pid, number)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        os.killpg(pid, number)
