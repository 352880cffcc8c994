"""Two locks on a data folder: one for the supervisor, and one for all of its processes.

Only the supervisor has `up.lock`, which contains its process id. The supervisor and its children have
`servers.lock`, because children inherit the open file. The kernel releases it when the last of them ends, so
a new supervisor starts no server before the old servers have ended.
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
STOP_TIMEOUT_SECONDS = 60.0  # how long a stopping supervisor may take
SIGN_TIMEOUT_SECONDS = 2.0  # how long a new holder may take to write its process id
# For servers of a killed supervisor. On Linux the kernel has already signalled them.
TERM_AFTER_SECONDS, KILL_AFTER_SECONDS, GIVE_UP_AFTER_SECONDS = 3.0, 15.0, 30.0


def is_held(path: Path) -> bool:
    """Return whether a process has the lock of this file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


class UpLock:
    """The lock of a folder's supervisor. `while_waiting` can end the wait by raising."""

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
            timeout = STOP_TIMEOUT_SECONDS if stopping else SIGN_TIMEOUT_SECONDS if pid == 0 else 0.0
            if waited >= timeout:
                who = f"process {pid}" if pid else "another process"
                what = ", which does not finish stopping" if stopping else ""
                raise StackError(
                    f"{self._path.parent} is already in use by {who}{what}: stop it first, or choose another "
                    "data folder"
                )
            self._while_waiting()
            time.sleep(POLL_SECONDS)
        self._sign("running")

    def mark_stopping(self) -> None:
        """Mark the lock, so that new supervisors wait for it."""
        self._sign("stopping")

    def release(self) -> None:
        # Clear the process id first, so that the next holder is not taken for this process.
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def _sign(self, state: str) -> None:
        # In place, because a rename would replace the locked file. A reader may see an empty file for a
        # moment, but never a part of the text, because it is written by one short write.
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
    """The lock of the supervisor and its children. The children inherit `descriptor`.

    Only the holder of `up.lock` creates it. Other holders are servers of a killed supervisor, which have the
    data files open. It waits until they end, and signals them if they do not. `while_waiting` can end the
    wait by raising.
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
        steps = [(TERM_AFTER_SECONDS, signal.SIGTERM), (KILL_AFTER_SECONDS, signal.SIGKILL)]
        while not _try_lock(self.descriptor):
            waited = time.monotonic() - began
            if waited >= GIVE_UP_AFTER_SECONDS:
                left = ", ".join(map(str, holders(self._path))) or "unknown"
                raise StackError(
                    f"processes of an earlier run still use {self._path.parent} and do not end "
                    f"(pid: {left}): kill them, then try again"
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
    """Return the ids of the other processes that have `path` open.

    Only children of a supervisor have the servers lock open. A recorded process id would be less certain,
    because the system reuses ids.
    """
    pids = _holders_by_proc(path) if sys.platform.startswith("linux") else _holders_by_lsof(path)
    return [pid for pid in pids if pid != os.getpid()]


def _holders_by_proc(path: Path) -> list[int]:
    wanted = path.stat()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            open_files = [file.stat() for file in (process / "fd").iterdir()]
        except OSError:  # the process has ended, or belongs to another user
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
            f"cannot lock the data folder: {error.strerror} (network file systems do not support this: "
            "choose a local data folder)"
        ) from error
    return True
