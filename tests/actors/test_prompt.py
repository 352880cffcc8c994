"""A worker that is told that something was sent, and need not look."""

from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.parity.faces import RestFace
from tests.service import Service, running_service, start_worker
from tests.uploads import settled, uploaded


@pytest.fixture(scope="module")
def drowsy(stack: Stack) -> Iterator[Service]:
    """A service whose worker looks at its queues when it starts, and then once in ten minutes."""
    with running_service(stack) as service:
        service.worker.stop()
        worker = start_worker(service, dramatiq_worker_timeout="600000")
        yield service
        worker.kill()


async def test_a_worker_need_not_look_for_what_was_sent(drowsy: Service) -> None:
    async with drowsy.client("alice") as client:
        face = RestFace(client)
        # The first may find the worker on its way up, when it looks in any case.
        for content in (b"one", b"two", b"three"):
            sent = await uploaded(face, content)
            assert (await settled(face, sent.id, seconds=30))["status"] == "COMPLETED"
