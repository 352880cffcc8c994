"""Who may use a data folder, and when."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stack import locks
from stack.errors import StackError
from stack.locks import ServersLock, UpLock, holders

WAITS = "import signal; print('here', flush=True); signal.pause()"


def start_holder(lock: ServersLock) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen(
        [sys.executable, "-c", WAITS], pass_fds=[lock.descriptor], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    return holder


def test_a_held_folder_is_refused_at_once_by_the_number_of_its_holder(tmp_path: Path) -> None:
    first = UpLock(tmp_path / "up.lock")
    with pytest.raises(StackError, match=f"{tmp_path} is already in use by process {os.getpid()}:"):
        UpLock(tmp_path / "up.lock")
    first.release()


def test_a_folder_whose_holder_is_stopping_is_waited_for(tmp_path: Path) -> None:
    first = UpLock(tmp_path / "up.lock")
    first.mark_stopping()
    with ThreadPoolExecutor() as pool:
        second = pool.submit(UpLock, tmp_path / "up.lock")
        with pytest.raises(TimeoutError):
            second.result(timeout=0.3)
        first.release()
        second.result(timeout=5).release()


def test_the_name_that_a_killed_supervisor_left_refuses_nobody(tmp_path: Path) -> None:
    (tmp_path / "up.lock").write_text(json.dumps({"pid": 1, "state": "running"}))
    UpLock(tmp_path / "up.lock").release()


def test_the_processes_that_hold_the_servers_lock_are_known(tmp_path: Path) -> None:
    lock = ServersLock(tmp_path / "servers.lock")
    with start_holder(lock) as holder:
        assert holders(tmp_path / "servers.lock") == [holder.pid]
        holder.kill()
    lock.release()


def test_a_process_that_an_earlier_run_left_is_waited_for(tmp_path: Path) -> None:
    lock = ServersLock(tmp_path / "servers.lock")
    with start_holder(lock) as holder, ThreadPoolExecutor() as pool:
        lock.release()
        later = pool.submit(ServersLock, tmp_path / "servers.lock")
        with pytest.raises(TimeoutError):
            later.result(timeout=0.3)
        holder.kill()
        later.result(timeout=5).release()


def test_a_process_that_an_earlier_run_left_and_that_stays_is_asked_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "TERM_AFTER_SECONDS", 0.1)
    lock = ServersLock(tmp_path / "servers.lock")
    with start_holder(lock) as holder:
        lock.release()
        ServersLock(tmp_path / "servers.lock").release()
        assert holder.wait(5) == -15


def test_a_process_that_cannot_be_ended_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "GIVE_UP_AFTER_SECONDS", 0.1)
    lock = ServersLock(tmp_path / "servers.lock")
    with start_holder(lock) as holder:
        lock.release()
        with pytest.raises(StackError, match=rf"do not end \(pid: {holder.pid}\)"):
            ServersLock(tmp_path / "servers.lock")
        holder.kill()
