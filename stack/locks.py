"""Two locks on a data folder: one supervisor at a time, and none before the last one's servers are gone.

`up.lock` is held by the supervisor alone and says who that is. `servers.lock` is held by the supervisor and
by every process below it, since they inherit the open file: the kernel frees it when the last of them ends,
however they end.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from stack.errors import StackError

POLL_SECONDS = 0.05
STOPPING_SECONDS = 60.0  # how long a supervisor that is stopping may take
UNSIGNED_SECONDS = 2.0  # how long a new holder may take to write its name
# Servers left by a killed supervisor: on Linux the kernel has asked them to end already.
ASK_AFTER, KILL_AFTER, GIVE_UP_AFTER = 3.0, 15.0, 30.0


class UpLock:
    """Held by the one supervisor of a folder. `while_waiting` may end the wait for another one by raising."""

    def __init__(self, path: Path, while_waiting: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._while_waiting = while_waiting
        self._descriptor = _open(path)
        try:
            self._acquire()
        except BaseException:
            os.close(self._descriptor)
            raise

    def _acquire(self) -> None:
        began = time.monotonic()
        while not _try_lock(self._descriptor):
            waited = time.monotonic() - began
            pid, stopping = self._holder()
            patience = STOPPING_SECONDS if stopping else UNSIGNED_SECONDS if pid == 0 else 0.0
            if waited >= patience:
                who = f"process {pid}" if pid else "another process"
                what = ", which does not come to its end" if stopping else ""
                raise StackError(
                    f"{self._path.parent} is already in use by {who}{what}: stop that one first, or choose "
                    "another data folder"
                )
            self._while_waiting()
            time.sleep(POLL_SECONDS)
        self._sign("running")

    def mark_stopping(self) -> None:
        """Tell those who come now to wait rather than to give up."""
        self._sign("stopping")

    def release(self) -> None:
        # The name goes first: the next holder must not be mistaken for this process.
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def _sign(self, state: str) -> None:
        # In place, for a rename would put a file there that is not the locked one. A reader may see nothing
        # for a moment, but never half: the text is one write, shorter than a page.
        text = json.dumps({"pid": os.getpid(), "state": state}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)

    def _holder(self) -> tuple[int, bool]:
        try:
            signed = json.loads(os.pread(self._descriptor, 4096, 0))
            return int(signed["pid"]), signed["state"] == "stopping"
        except (ValueError, KeyError, TypeError):
            return 0, False


class ServersLock:
    """Held by the supervisor and its children together. `descriptor` is what the children inherit.

    Made by the holder of `up.lock`, so whoever else holds it was left behind by a supervisor that was killed.
    Waits for those to end: they have our data files open. `while_waiting` may end that by raising.
    """

    def __init__(self, path: Path, while_waiting: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._while_waiting = while_waiting
        self.descriptor = _open(path)
        try:
            self._acquire()
        except BaseException:
            os.close(self.descriptor)
            raise

    def _acquire(self) -> None:
        began = time.monotonic()
        steps = [(ASK_AFTER, signal.SIGTERM), (KILL_AFTER, signal.SIGKILL)]
        while not _try_lock(self.descriptor):
            waited = time.monotonic() - began
            if waited >= GIVE_UP_AFTER:
                left = ", ".join(map(str, holders(self._path))) or "unknown"
                raise StackError(
                    f"processes of an earlier run still use {self._path.parent} and do not end "
                    f"(pid: {left}): end them, then try again"
                )
            if steps and waited >= steps[0][0]:
                _, number = steps.pop(0)
                for pid in holders(self._path):
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
            self._while_waiting()
            time.sleep(POLL_SECONDS)

    def release(self) -> None:
        os.close(self.descriptor)


def holders(path: Path) -> list[int]:
    """The processes, this one left out, that have `path` open.

    Nobody but a child of a supervisor has the servers lock open. That makes them ours for certain, as a
    recorded process id would not: it may have been given to a stranger since.
    """
    pids = _holders_by_proc(path) if sys.platform.startswith("linux") else _holders_by_lsof(path)
    return [pid for pid in pids if pid != os.getpid()]


def _holders_by_proc(path: Path) -> list[int]:
    wanted = path.stat()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            open_files = [file.stat() for file in (process / "fd").iterdir()]
        except OSError:  # ended since, or somebody else's
            continue
        if any((file.st_dev, file.st_ino) == (wanted.st_dev, wanted.st_ino) for file in open_files):
            found.append(int(process.name))
    return found


def _holders_by_lsof(path: Path) -> list[int]:
    try:
        answer = subprocess.run(
            ["lsof", "-t", "--", str(path)],  # noqa: S607 (in /usr/sbin on macOS, elsewhere on others)
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [int(line) for line in answer.stdout.split()]


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StackError(f"cannot open {path}: {error.strerror}") from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StackError(
            f"cannot lock the data folder: {error.strerror} (is it on a network disk?)"
        ) from error
    return True
