"""Several workers at once: some of them die, and some are sent the same job."""

import asyncio
import os
import random
from collections.abc import Iterator

import pytest

from stack.stack import Child, Stack
from tests.actors.conftest import suspended
from tests.faults.jobs import jobs_of, send_again
from tests.faults.load import LARGE, Load
from tests.faults.table import LONG
from tests.parity.apis import RestApi
from tests.service import Service, running_service, start_worker
from tests.uploads import settled, stored, uploaded
from tests.waiting import until
from waybill.platform.redis.messages import PURGE_OBJECT, VERIFY_UPLOAD


@pytest.fixture
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill of this test's own, for its workers do not live long."""
    with running_service(stack) as running:
        yield running


@pytest.fixture
def workers(service: Service) -> list[Child]:
    """Three of them."""
    return [service.worker, start_worker(service), start_worker(service)]


async def test_two_of_three_workers_killed_at_random_lose_nothing(
    service: Service, workers: list[Child], owner: str
) -> None:
    random.seed(owner)
    times = 20 if LONG else 3
    load = Load(service, owner)
    async with load.running():
        for _ in range(times):
            await load.progress(random.randrange(1, 12))
            for worker in random.sample(workers, 2):
                await asyncio.sleep(random.random() / 2)
                worker.kill()
                worker.restart()
        await load.progress()
    await load.check("two of three workers killed", 2 * times)


async def test_a_job_sent_three_times_at_once_has_one_outcome(
    service: Service, workers: list[Child], owner: str
) -> None:
    content = os.urandom(LARGE)
    async with service.client(owner) as client:
        api = RestApi(client)
        original = await stored(api, content)
        with suspended(service):
            copy = (await uploaded(api, content)).id
            send_again(service, VERIFY_UPLOAD, copy)
        first = await settled(api, copy)
        assert (first["status"], first["duplicateOf"]) == ("DUPLICATE", original["id"])
        for actor in (PURGE_OBJECT, VERIFY_UPLOAD):
            send_again(service, actor, copy)
        await until(lambda: jobs_of(service) == 0, "all jobs are done")
        assert (await api.get(copy)).data == first
        assert (await api.get(original["id"])).data == original
    verdicts = [line for worker in workers for line in worker.log.read_text().splitlines() if copy in line]
    assert len([line for line in verdicts if '"verified"' in line]) == 1, verdicts
