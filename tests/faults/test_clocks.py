"""Workers whose clock is wrong. MongoDB's decides what is due, so theirs may say what it likes."""

import os
import signal
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from stack.stack import Child, Stack
from tests.faults.jobs import jobs_of, known_workers, send_again
from tests.faults.load import Load, held, record, until
from tests.faults.servers import frozen
from tests.faults.table import LONG
from tests.parity.faces import RestFace
from tests.service import Service, start_service, start_worker
from tests.uploads import settled, uploaded
from waybill.messages import VERIFY_UPLOAD

LIBRARY = files("libfaketime") / "vendor/libfaketime/src/libfaketime.so.1"

#: What the worker logs while its clock is off by so many seconds. S3 refuses requests whose date is more than
#: fifteen minutes off: beyond that the worker reads nothing, and its jobs fail until another takes them.
SIGNS = {
    "-600": '"verified"',
    "+600": '"verified"',
    "-3600": "RequestTimeTooSkewed",
    "+3600": "RequestTimeTooSkewed",
}

#: A worker with its clock: what is written to the file is what its clock is off by.
Clocked = tuple[Child, Path]


@pytest.fixture(scope="module")
def service(stack: Stack) -> Service:
    """A Waybill whose own worker has the right time."""
    return start_service(stack)


@pytest.fixture
def second(service: Service, tmp_path: Path) -> Clocked:
    """A worker beside it, ready to work."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    before = known_workers(service)
    worker = start_worker(
        service,
        LD_PRELOAD=str(LIBRARY),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    deadline = time.monotonic() + 60
    while known_workers(service) <= before:
        assert time.monotonic() < deadline, worker.obituary()
        time.sleep(0.05)
    return worker, clock


def says(worker: Child, what: str) -> Callable[[], bool]:
    return lambda: what in worker.log.read_text()


@pytest.mark.parametrize("offset", SIGNS)
async def test_a_clock_that_is_wrong_fails_no_file(
    service: Service, second: Clocked, owner: str, offset: str
) -> None:
    worker, clock = second
    times = 3 if LONG else 1
    load = Load(service, owner)
    async with load.running():
        clock.write_text(offset)
        for _ in range(times):
            await load.progress(40)
        await until(says(worker, SIGNS[offset]), f"the second worker says {SIGNS[offset]}")
    await load.check(f"a worker's clock {offset} s off", times)
    assert worker.exit_code() is None
    worker.kill()


# A holder that dated its own lease would seem to have lost it long ago; a thief that looked at its own clock
# would find every lease run out.
@pytest.mark.parametrize(("offset", "holder_is_wrong"), [("-600", True), ("+600", False)])
async def test_no_clock_but_the_databases_ends_a_lease(
    service: Service, second: Clocked, owner: str, offset: str, holder_is_wrong: bool
) -> None:
    worker, clock = second
    clock.write_text(offset)
    holder, thief = (worker, service.worker) if holder_is_wrong else (service.worker, worker)
    async with service.client(owner) as client:
        face = RestFace(client)
        suspend(holder, thief)
        file_id = (await uploaded(face, os.urandom(10))).id
        # The holder takes the file, and gets no further.
        with frozen(service.stack, "seaweedfs"):
            resume(holder)
            attempt = await held(service, file_id)
            suspend(holder)
        resume(thief)
        send_again(service, VERIFY_UPLOAD, file_id)
        # The holder's own message may be among those that the thief has looked at.
        await until(lambda: jobs_of(service) <= 1, "the thief has looked")
        assert (await record(service, file_id))["attempt"] == attempt
        resume(holder)
        assert (await settled(face, file_id))["status"] == "COMPLETED"
    worker.kill()


def suspend(*workers: Child) -> None:
    for worker in workers:
        os.kill(worker.pid, signal.SIGSTOP)


def resume(*workers: Child) -> None:
    for worker in workers:
        os.kill(worker.pid, signal.SIGCONT)
