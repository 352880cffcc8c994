"""Many small files by the command line, against a script that sends each by requests of its own."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.measure import Goal, Row, at_least, compare
from bench.stand import OWNER
from stack.stack import Stack
from tests.service import Service, running_service

FILES = 1000
FILE_BYTES = 1000
ROUNDS = 3

CLI = (sys.executable, "-m", "cli")
ALONE = (sys.executable, "-m", "bench.floors.alone")


def commands(stack: Stack) -> Iterator[Row]:
    """Send new files, send them again, and get them."""
    with running_service(stack) as service, tempfile.TemporaryDirectory() as folder:
        ours, theirs = Shell(service, Path(folder, "ours")), Shell(service, Path(folder, "theirs"))
        for shell in (ours, theirs):
            shell.write()
        upload, alone = (*CLI, "upload", "-r", "-q"), (*ALONE, "upload")

        def new(shell: Shell, *command: str) -> Callable[[], float]:
            return lambda: shell.rate(*command, shell.write())

        def again(shell: Shell, *command: str) -> Callable[[], float]:
            return lambda: shell.rate(*command, str(shell.source))

        yield _row(
            "new files of 1 kB: `waybill upload -r --no-wait`",
            ours=ours,
            our_rate=new(ours, *upload, "--no-wait"),
            theirs=theirs,
            their_rate=new(theirs, *alone),
            goal=at_least(1.0),
        )
        ids = ours.run(*upload, str(ours.source))
        theirs.run(*upload, str(theirs.source))
        yield _row(
            "files that are there: `waybill upload -r`",
            ours=ours,
            our_rate=again(ours, *upload),
            theirs=theirs,
            their_rate=again(theirs, *alone),
            goal=at_least(1.0),
        )
        yield _row(
            "`waybill get`, hashed and synced",
            ours=ours,
            our_rate=lambda: ours.rate(*CLI, "get", "-q", "-", "-o", ours.target(), lines=ids),
            theirs=theirs,
            their_rate=lambda: theirs.rate(*ALONE, "get", theirs.target(), lines=ids),
            goal=None,
        )


@dataclass
class Shell:
    """Runs commands on folders of its own, and keeps what they take of the processors."""

    service: Service
    folder: Path
    #: Milliseconds for each file: of the command itself, and of the API.
    own_ms: list[float] = field(default_factory=list)
    api_ms: list[float] = field(default_factory=list)

    @property
    def source(self) -> Path:
        """The folder that is uploaded."""
        return self.folder / "source"

    def write(self) -> str:
        """Fill the folder with files that no other round has had."""
        self.source.mkdir(parents=True, exist_ok=True)
        for number in range(FILES):
            (self.source / f"{number}.bin").write_bytes(os.urandom(FILE_BYTES))
        return str(self.source)

    def target(self) -> str:
        """Make a folder to save files in."""
        return tempfile.mkdtemp(dir=self.folder)

    def run(self, *command: str, lines: str = "") -> str:
        """Run a command, and return what it prints."""
        variables = {
            "WAYBILL_URL": self.service.address,
            "WAYBILL_TOKEN": self.service.token(OWNER),
            "XDG_STATE_HOME": str(self.folder / "state"),
        }
        return subprocess.run(  # ours
            command,
            env={**os.environ, **variables},
            input=lines,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def rate(self, *command: str, lines: str = "") -> float:
        """Return the files per second of a command."""
        api = psutil.Process(self.service.api.pid)
        own_before, api_before, began = _children_seconds(), sum(api.cpu_times()[:2]), time.perf_counter()
        self.run(*command, lines=lines)
        seconds = time.perf_counter() - began
        self.own_ms.append((_children_seconds() - own_before) / FILES * 1000)
        self.api_ms.append((sum(api.cpu_times()[:2]) - api_before) / FILES * 1000)
        return FILES / seconds


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _row(
    what: str,
    *,
    ours: Shell,
    our_rate: Callable[[], float],
    theirs: Shell,
    their_rate: Callable[[], float],
    goal: Goal | None,
) -> Row:
    for shell in (ours, theirs):
        shell.own_ms.clear()
        shell.api_ms.clear()

    def remark() -> str:
        own, api, other, other_api = (
            f"{statistics.median(each):.1f}"
            for each in (ours.own_ms, ours.api_ms, theirs.own_ms, theirs.api_ms)
        )
        return f"ms of processor a file: command {own}, API {api}; script {other}, API {other_api}"

    return compare(
        what,
        our_rate,
        "a request for each step of each file",
        their_rate,
        unit="files/s",
        goal=goal,
        rounds=ROUNDS,
        remark=remark,
    )
