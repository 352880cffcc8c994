"""APIs, workers and commands that are forked from a process that has imported Waybill."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import Any, cast

from stack.process import DIE_WITH_PARENT, Child, Command
from stack.stack import Addresses, Stack
from tests import store

ROOT = Path(__file__).parents[1]
PROGRAM = [sys.executable, "-m", "cli"]

#: Seconds that a command may take.
COMMAND_SECONDS = 60


class ForkServer:
    """The process that forks. It ends with this one."""

    def __init__(self) -> None:
        self.env = dict(os.environ)
        self._lock = Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        wrapper = [
            sys.executable,
            "-I",
            "-S",
            str(DIE_WITH_PARENT),
            str(os.getpid()),
            # It has no handler, unless its coverage is measured and to be written first.
            str(int(signal.SIGTERM)),
        ]
        with theirs:
            self._process = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    def fork(self, command: Command, stdout: int, stderr: int, *inherited: int) -> int:
        """Start a process that also has the descriptors ``inherited``, and return its id."""
        asked = {
            "arguments": command.argv[3:],
            "cwd": str(command.cwd),
            "env": dict(command.env),
            "orphan_signal": int(command.orphan_signal),
        }
        return self._ask(asked, stdout, stderr, *inherited)

    def reap(self, pid: int) -> int:
        """Return the exit code of a process that has ended."""
        return self._ask(pid)

    def _ask(self, asked: Any, *descriptors: int) -> int:
        with self._lock:
            socket.send_fds(self._channel, [json.dumps(asked).encode()], descriptors)
            answer = self._channel.recv(100)
        if not answer:
            raise AssertionError(f"The fork server has ended with {self._process.wait()}.")
        return int(json.loads(answer))


@cache
def fork_server() -> ForkServer:
    """The one of this test process."""
    return ForkServer()


class Forked:
    """A forked process, as far as ``Child`` uses a ``subprocess.Popen``."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._lock = Lock()
        self._descriptor = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        with self._lock:
            if self.returncode is None and self.has_ended():
                os.close(self._descriptor)
                self.returncode = fork_server().reap(self.pid)
            return self.returncode

    def has_ended(self, seconds: float = 0) -> bool:
        """Wait up to so many seconds for its end."""
        looking = select.poll()
        looking.register(self._descriptor, select.POLLIN)
        return bool(looking.poll(seconds * 1000))


def run_command(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `waybill ARGUMENT...` to its end, at most a minute, with ``env`` as its whole environment."""
    command = Command([*PROGRAM, *arguments], ROOT, env, orphan_signal=signal.SIGKILL)
    if not _can_be_forked(command):
        return subprocess.run(
            command.argv, env=dict(env), capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    with TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
        forked = Forked(fork_server().fork(command, stdout.fileno(), stderr.fileno()))
        if not forked.has_ended(COMMAND_SECONDS):
            os.kill(forked.pid, signal.SIGKILL)
            raise AssertionError(f"waybill {' '.join(arguments)} runs for more than {COMMAND_SECONDS} s")
        code = forked.poll()
        assert code is not None
        for written in (stdout, stderr):
            written.seek(0)
        return subprocess.CompletedProcess(command.argv, code, stdout.read(), stderr.read())


class ForkedChild(Child):
    """Forks ``python -m cli ARGUMENT...``, and executes everything else.

    As well as those whose environment differs from the fork server's by more than settings: modules and the
    dynamic linker read such variables once.
    """

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        if not _can_be_forked(command):
            return super()._spawn(command)
        with self.log.open("wb") as log:
            forked = Forked(fork_server().fork(command, log.fileno(), log.fileno(), self._lock_descriptor))
        return cast(subprocess.Popen[bytes], forked)

    def exit_code(self) -> int | None:
        """None while it runs; else its exit code, or minus the number of the signal that ended it."""
        process: Any = self._process
        return process.poll() if isinstance(process, Forked) else super().exit_code()


class ForkingStack(Stack):
    """The stack of tests that are not about how processes are started. Its store may be a named one."""

    @property
    def addresses(self) -> Addresses:
        return replace(super().addresses, **store.addresses())

    def env(self) -> dict[str, str]:
        return store.with_store(super().env())

    def _start_child(self, name: str, command: Command) -> None:
        if name in self._servers:
            super()._start_child(name, command)
            return
        assert self._servers_lock is not None
        child = ForkedChild(name, self._folder.log(name), self._servers_lock.descriptor, lambda: True)
        self._children[name] = child
        child.start(command)


def _can_be_forked(command: Command) -> bool:
    program, options = command.argv[:3], command.argv[3:]
    return (
        sys.platform == "linux"
        and program == PROGRAM
        # Such are started by the main module's name, which would be another.
        and "--processes" not in options
        and _without_settings(command.env) == _without_settings(fork_server().env)
    )


def _without_settings(env: Any) -> dict[str, str]:
    # Settings are read after the fork, and those of the exporter of traces too.
    ignored = ("WAYBILL_", "OTEL_EXPORTER_", "OTEL_BSP_", "PYTEST_CURRENT_TEST")
    return {name: value for name, value in env.items() if not name.startswith(ignored)}
