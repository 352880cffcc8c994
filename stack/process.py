"""One child process under supervision: started, watched, stopped, and its log kept."""

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

LEASH = Path(__file__).with_name("leash.py")
POLL_SECONDS = 0.02
READY_SECONDS = 60.0  # recovery after a crash included

# Linux ties the death signal of a child to the THREAD that forked it. This one lives as long as the process,
# whichever thread asks for a child.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stack-spawner")


@dataclass(frozen=True)
class Command:
    """What to run, and how it ends.

    `grace` is how many seconds it has between SIGTERM and SIGKILL; `orphan_signal` is what the kernel sends
    it when the supervisor dies without stopping it.
    """

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    grace: float = 10.0
    orphan_signal: signal.Signals = signal.SIGTERM


class Child:
    """A process of the stack, by the name of its log file.

    `lock` is a descriptor that the process and all its own children inherit: while one of them lives, the
    lock behind it is held. `is_ready` asks once whether the process does its work, within a few seconds.
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
        """The process id of the present or last run. Raises StackError before the first."""
        if self._process is None:
            raise StackError(f"{self.name} was never started")
        return self._process.pid

    def start(self, command: Command) -> None:
        """Start the process. Does not wait until it is ready."""
        self._command = command
        # The log of the run before is kept, and no more than that: it must not grow for ever.
        if self.log.exists():
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        self._process = _SPAWNER.submit(self._spawn, command).result()
        self._was_ended = False

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(command.orphan_signal))]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [*leash, *command.argv],
                cwd=command.cwd,
                env=dict(command.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(self._lock_descriptor,),
                # Out of reach of the terminal's Ctrl-C: the supervisor stops its children in order.
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        """None while it runs; else its exit code, or minus the number of the signal that ended it."""
        process = self._process
        if process is None:
            return None
        with self._reaping:
            if process.returncode is None and _has_ended(process.pid):
                # Before the process is reaped, while nobody else can be given its id: what it left in its
                # group (workers of a worker) ends with it.
                _signal_group(process.pid, signal.SIGKILL)
                process.wait()
            return process.returncode

    def died(self) -> bool:
        """Whether it ended without having been asked to."""
        return not self._being_restarted and self.exit_code() is not None

    def died_by_itself(self) -> bool:
        """Whether it ended although this process has called none of `kill`, `stop` and `terminate`."""
        return not self._was_ended and self.exit_code() is not None

    def kill(self) -> None:
        """SIGKILL the process and its group; returns when they are gone. To the watcher that is a death."""
        if self.exit_code() is None:
            self._was_ended = True
            _signal_group(self.pid, signal.SIGKILL)
            self._wait(None)

    def terminate(self) -> None:
        """Send SIGTERM and return at once."""
        if self.exit_code() is None:
            self._was_ended = True
            _signal(self.pid, signal.SIGTERM)
            _signal(self.pid, signal.SIGCONT)  # a suspended process sees SIGTERM only when it goes on

    def stop(self) -> None:
        """SIGTERM, and after the command's grace SIGKILL. Returns when the process is gone; idempotent."""
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

        Raises StackError where it ends instead, or is not ready within READY_SECONDS.
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
        """Raises StackError where it ends instead, or is not ready within READY_SECONDS."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            if self.exit_code() is not None or time.monotonic() >= deadline:
                raise StackError(f"not ready: {self.obituary()}")
            time.sleep(POLL_SECONDS)

    def _wait(self, seconds: float | None) -> bool:
        end = None if seconds is None else time.monotonic() + seconds
        while self.exit_code() is None:
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def log_tail(self, lines: int = 20, width: int = 400) -> str:
        """The last lines of the log, each cut to `width` characters."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 64 * 1024))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(line[:width] for line in text.splitlines()[-lines:])

    def found_port_taken(self) -> bool:
        """Whether its log ends with the system's word for a port that somebody else holds."""
        return os.strerror(errno.EADDRINUSE).lower() in self.log_tail(200).lower()

    def obituary(self) -> str:
        """How it ended, and the end of its log."""
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
    with suppress(ProcessLookupError):  # reaped by another thread since
        os.kill(pid, number)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        os.killpg(pid, number)
