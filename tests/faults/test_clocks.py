"""Workers whose clock is wrong. MongoDB's decides what is due, so theirs may say what it likes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack.stack import Child, Stack
from tests.actors.conftest import suspended
from tests.faults.clocks import start_clocked_worker
from tests.faults.load import Load
from tests.faults.table import LONG
from tests.service import Service, running_service
from tests.waiting import until

#: What the worker logs while its clock is off by so many seconds. S3 refuses requests whose date is more than
#: fifteen minutes off: beyond that the worker reads nothing, and its jobs fail until another takes them.
SIGNS = {
    "-600": '"verified"',
    "+600": '"verified"',
    "-3600": "RequestTimeTooSkewed",
    "+3600": "RequestTimeTooSkewed",
}


@pytest.fixture(scope="module")
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill whose own worker has the right time."""
    with running_service(stack) as running:
        yield running


def says(worker: Child, what: str) -> Callable[[], bool]:
    def look() -> bool:
        assert not worker.died(), worker.exit_report()
        return what in worker.log.read_text()

    return look


@pytest.mark.parametrize("offset", SIGNS)
async def test_a_clock_that_is_wrong_fails_no_file(
    service: Service, tmp_path: Path, owner: str, offset: str
) -> None:
    clock = tmp_path / "clock"
    worker = start_clocked_worker(service, clock)
    times = 3 if LONG else 1
    load = Load(service, owner)
    async with load.running():
        clock.write_text(offset)
        for _ in range(times):
            await load.progress(40)
        # Of two workers that are woken the quicker one takes what there is.
        with suspended(service):
            await until(says(worker, SIGNS[offset]), f"the second worker says {SIGNS[offset]}")
    await load.check(f"a worker's clock {offset} s off", times)
    assert worker.exit_code() is None
    worker.kill()
