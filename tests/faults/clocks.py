"""A worker whose clock can be set."""

from importlib.resources import files
from pathlib import Path

from stack.stack import Child
from tests.service import Service, start_worker
from tests.waiting import wait_until

LIBRARY = files("libfaketime") / "vendor/libfaketime/src/libfaketime.so.1"


def start_clocked_worker(service: Service, clock: Path) -> Child:
    """One more worker, ready to work, with its clock off by what is written to ``clock``, as `+600`."""
    clock.write_text("+0")
    worker = start_worker(
        service,
        LD_PRELOAD=str(LIBRARY),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    # With a wrong clock the store would refuse it already while it starts, and it would wait.
    wait_until(lambda: '"worker ready"' in worker.log.read_text(), worker.exit_report)
    return worker
