"""Leases and clocks, on queues that hold nothing else."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.stack import Child, Stack
from tests.faults.clocks import start_clocked_worker
from tests.faults.jobs import jobs_of, send_again
from tests.faults.records import held, record
from tests.faults.servers import frozen
from tests.parity.apis import RestApi
from tests.service import Service, running_service
from tests.uploads import settled, uploaded
from tests.waiting import until
from waybill.platform.redis.messages import VERIFY_UPLOAD


@pytest.fixture(scope="module")
def service(own_stack: Stack) -> Iterator[Service]:
    """A Waybill whose own worker has the right time."""
    with running_service(own_stack) as running:
        yield running


# A holder that dated its own lease would seem to have lost it long ago; a thief that looked at its own clock
# would find every lease run out.
@pytest.mark.parametrize(("offset", "holder_is_wrong"), [("-600", True), ("+600", False)])
async def test_no_clock_but_the_databases_ends_a_lease(
    service: Service, tmp_path: Path, owner: str, offset: str, holder_is_wrong: bool
) -> None:
    clock = tmp_path / "clock"
    worker = start_clocked_worker(service, clock)
    clock.write_text(offset)
    holder, thief = (worker, service.worker) if holder_is_wrong else (service.worker, worker)
    async with service.client(owner) as client:
        api = RestApi(client)
        suspend(holder, thief)
        file_id = (await uploaded(api, os.urandom(10))).id
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
        assert (await settled(api, file_id))["status"] == "COMPLETED"
        await until(lambda: not jobs_of(service), "nothing is left to do")
    worker.kill()


def suspend(*workers: Child) -> None:
    for worker in workers:
        os.kill(worker.pid, signal.SIGSTOP)


def resume(*workers: Child) -> None:
    for worker in workers:
        os.kill(worker.pid, signal.SIGCONT)
