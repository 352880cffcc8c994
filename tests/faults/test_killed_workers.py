"""Workers that die at any moment of a hash."""

import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.actors.conftest import open_bucket
from tests.faults.table import LONG, ROWS, Row
from tests.parity.apis import RestApi
from tests.service import Service, running_service
from tests.uploads import put, settled

KILLS = 20

#: Bytes of a file, and the most seconds from its message to the kill: as many as its hash takes.
SIZE, LONGEST_SECONDS = (48 * 1024**2, 0.25) if LONG else (16 * 1024**2, 0.1)


@pytest.fixture
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill of this test's own, for its worker does not live long."""
    with running_service(stack) as running:
        yield running


async def test_a_worker_killed_at_any_moment_loses_no_file(service: Service, owner: str) -> None:
    random.seed(owner)
    expected: dict[str, str] = {}
    caught = 0
    async with service.client(owner) as client:
        api = RestApi(client)
        for _ in range(KILLS):
            content = os.urandom(SIZE)
            requested = await api.request(name="a", size=len(content))
            assert (await put(requested.data["upload"], content)).status_code == 200
            assert (await api.complete(requested.id)).code is None
            expected[requested.id] = hashlib.sha256(content).hexdigest()
            # Anywhere between the message's arrival and the last write.
            time.sleep(random.random() * LONGEST_SECONDS)  # noqa: ASYNC251  # the moment is random on purpose
            service.worker.kill()
            caught += (await api.get(requested.id)).data["status"] == "PROCESSING"
            service.worker.restart()
        assert caught, "no kill came before the end of its hash"
        files = [await settled(api, file_id, seconds=90) for file_id in expected]
        assert Counter(file["status"] for file in files) == {"COMPLETED": KILLS}
        assert {file["id"]: file["sha256"] for file in files} == expected
    ROWS.append(Row("worker killed at any moment of a hash", KILLS, KILLS, 0))
    async for bucket in open_bucket(service):
        assert len(await bucket.keys()) == KILLS
