"""Servers and supervisors that are killed. All acknowledged writes survive."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.stack import Addresses
from tests.stack.conftest import Cargo, Start, is_running, left_behind

SERVERS = ("mongod", "valkey", "seaweedfs")

SUPERVISOR = """
import dataclasses, json, signal, sys
from pathlib import Path
from stack.stack import Stack

stack = Stack(Path(sys.argv[1]))
signal.signal(signal.SIGTERM, lambda *_: stack.request_stop())
with stack:
    pids = [stack.child(name).pid for name in ("mongod", "valkey", "seaweedfs")]
    print(json.dumps([pids, dataclasses.asdict(stack.addresses)]), flush=True)
    stack.watch()
"""


class Supervisor:
    """A stack in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self._stdout = self.process.stdout
        self.pids, addresses = json.loads(self._stdout.readline())
        self.addresses = Addresses(**addresses)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self._stdout.close()
        return self.process.wait(30)


@pytest.fixture
def supervisor(folder: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(folder)
    yield supervisor
    if supervisor.process.poll() is None:
        supervisor.end(signal.SIGTERM)


def test_after_a_sigkill_of_the_supervisor_the_next_start_finds_no_old_child_and_all_data(
    supervisor: Supervisor, start: Start, folder: Path
) -> None:
    Cargo(supervisor.addresses).put("tea")
    supervisor.end(signal.SIGKILL)
    stack = start()
    assert [pid for pid in supervisor.pids if is_running(pid)] == []
    assert sorted(left_behind(folder)) == sorted(stack.child(name).pid for name in SERVERS)
    assert Cargo(stack.addresses).get() == ("tea", "tea", "tea")


def test_after_a_sigkill_of_everything_the_next_start_finds_all_data(
    supervisor: Supervisor, start: Start
) -> None:
    Cargo(supervisor.addresses).put("tea")
    for pid in supervisor.pids:
        os.kill(pid, signal.SIGKILL)
    supervisor.end(signal.SIGKILL)
    assert Cargo(start().addresses).get() == ("tea", "tea", "tea")


def test_a_stop_leaves_no_process(supervisor: Supervisor, folder: Path) -> None:
    assert supervisor.end(signal.SIGTERM) == 0
    assert [pid for pid in supervisor.pids if is_running(pid)] == []
    assert left_behind(folder) == []


def test_a_killed_server_comes_back_on_the_same_port_with_its_data(start: Start) -> None:
    stack = start()
    Cargo(stack.addresses).put("tea")
    for name in SERVERS:
        stack.child(name).kill()
        stack.child(name).restart()
    assert Cargo(stack.addresses).get() == ("tea", "tea", "tea")
