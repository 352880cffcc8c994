"""Children without servers: how they end, and what of them stays."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.locks import ServersLock
from stack.process import Child, Command
from tests.stack.conftest import is_running

#: Starts a child by its program, and the seconds that it is given to end.
Run = Callable[..., Child]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts a child that runs some Python and has said that it is there."""
    lock = ServersLock(tmp_path / "servers.lock")
    # A whole line: unbuffered, a text and its end are written one after the other.
    log = tmp_path / "clerk.log"
    child = Child("clerk", log, lock.descriptor, lambda: log.is_file() and log.read_bytes().endswith(b"\n"))

    def run(program: str, grace: float = 10.0) -> Child:
        child.start(Command([sys.executable, "-c", program], tmp_path, os.environ, grace))
        while not child.is_ready():
            assert child.exit_code() is None
        return child

    yield run
    child.kill()
    lock.release()


WAITS = "import signal; print('here', flush=True); signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITS
WITH_A_CHILD_OF_ITS_OWN = f"""
import signal, subprocess, sys
deaf = subprocess.Popen([sys.executable, "-c", {DEAF!r}], stdout=subprocess.PIPE)
deaf.stdout.readline()
print(deaf.pid, flush=True)
signal.pause()
"""


def test_a_child_is_asked_to_end_before_it_is_killed(run: Run) -> None:
    child = run(WAITS)
    child.stop()
    assert child.exit_code() == -signal.SIGTERM


def test_a_child_that_does_not_listen_is_killed_after_its_grace(run: Run) -> None:
    child = run(DEAF, grace=0.1)
    child.stop()
    assert child.exit_code() == -signal.SIGKILL


def test_a_suspended_child_can_be_stopped_without_waiting_for_its_grace(run: Run) -> None:
    child = run(WAITS)
    os.kill(child.pid, signal.SIGSTOP)
    child.stop()
    assert child.exit_code() == -signal.SIGTERM


def test_what_a_child_started_itself_ends_with_it(run: Run) -> None:
    child = run(WITH_A_CHILD_OF_ITS_OWN)
    grandchild = int(child.log_tail())
    child.stop()
    deadline = time.monotonic() + 10
    while is_running(grandchild):
        assert time.monotonic() < deadline


def test_a_child_outlives_the_thread_that_started_it(run: Run) -> None:
    with ThreadPoolExecutor() as pool:
        child = pool.submit(run, WAITS).result()
    assert child.exit_code() is None
    child.stop()
    assert child.exit_code() == -signal.SIGTERM


def test_the_log_of_the_run_before_is_kept_beside_the_new_one(run: Run) -> None:
    run("import signal; print('first', flush=True); signal.pause()").stop()
    child = run("import signal; print('second', flush=True); signal.pause()")
    assert child.log_tail() == "second"
    assert child.log.with_name("clerk.log.1").read_text() == "first\n"


def test_a_command_that_does_not_exist_says_so_in_the_log(tmp_path: Path) -> None:
    lock = ServersLock(tmp_path / "servers.lock")
    child = Child("clerk", tmp_path / "clerk.log", lock.descriptor, lambda: False)
    child.start(Command(["/no/such/clerk"], tmp_path, {}))
    while child.exit_code() is None:
        pass
    assert "cannot run /no/such/clerk: No such file or directory" in child.exit_report()
    lock.release()


def test_a_restart_that_fails_raises_with_the_end_of_the_log(tmp_path: Path) -> None:
    lock = ServersLock(tmp_path / "servers.lock")
    child = Child("clerk", tmp_path / "clerk.log", lock.descriptor, lambda: False)
    child.start(Command([sys.executable, "-c", "raise SystemExit('out of ink')"], tmp_path, {}))
    with pytest.raises(StackError, match=r"(?s)clerk ended with exit code 1; .*out of ink"):
        child.restart()
    lock.release()
