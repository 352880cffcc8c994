"""A worker whose clock can be set."""

from importlib.resources import files
from pathlib import Path

from stack.stack import Child
from tests.faults.jobs import known_workers
from tests.service import Service, start_worker
from tests.waiting import wait_until

LIBRARY = files("libfaketime") / "vendor/libfaketime/src/libfaketime.so.1"


def start_clocked_worker(service: Service, clock: Path) -> Child:
    """One more worker, ready to work, with its clock off by what is written to ``clock``, as `+600`."""
    clock.write_text("+0")
    before = known_workers(service)
    worker = start_worker(
        service,
        LD_PRELOAD=str(LIBRARY),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    wait_until(lambda: known_workers(service) - before, worker.obituary)
    return worker
