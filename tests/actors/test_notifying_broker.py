"""A worker that is notified of new messages, and that detects messages which never arrived."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from stack.stack import Stack
from tests.actors.conftest import suspended
from tests.parity.apis import RestApi
from tests.service import Service, running_service, start_worker
from tests.uploads import settled, uploaded
from tests.waiting import until
from waybill.platform.redis.messages import QUEUES, VERIFY_UPLOAD
from waybill.resources import redis_client


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
        api = RestApi(client)
        # The first may find the worker on its way up, when it looks in any case.
        for content in (b"one", b"two", b"three"):
            sent = await uploaded(api, content)
            assert (await settled(api, sent.id, seconds=30))["status"] == "COMPLETED"


async def beating(client: redis.Redis) -> str:
    """Return the worker's id: the only id whose heartbeat changes now."""
    before = heartbeats(client)
    new = await until(lambda: heartbeats(client) - before, "a worker is alive", 20)
    worker: str = new.pop()[0].decode()
    return worker


def heartbeats(client: redis.Redis) -> set[Any]:
    beats: Any = client.zrange("dramatiq:__heartbeats__", 0, -1, withscores=True)
    return set(beats)


async def test_a_message_that_never_came_is_fetched_again(jobs: Service, api: RestApi) -> None:
    queue = QUEUES[VERIFY_UPLOAD]
    with redis_client(jobs.settings) as client:
        worker = await beating(client)
        with suspended(jobs):
            sent = await uploaded(api, b"fetched in vain")
            # As where the worker's connection timed out while it asked, and Redis answered.
            broker = RedisBroker(client=client, middleware=[])
            broker.broker_id = worker
            assert broker.do_fetch(queue, 8)
    # Before the reconciler would send another.
    assert (await settled(api, sent.id, seconds=20))["status"] == "COMPLETED"
