"""How many messages a worker takes out of a queue."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from dramatiq.brokers.redis import RedisBroker

from tests.receiver import Message, Receiver, running_receiver
from tests.service import Service, start_worker
from tests.waybill.webhooks.records import new_delivery, new_webhook
from waybill.files import repository
from waybill.platform.redis.messages import DELIVER_WEBHOOK, QUEUES
from waybill.resources import Resources

QUEUE = QUEUES[DELIVER_WEBHOOK]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as running:
        yield running


async def test_a_worker_holds_no_more_messages_than_it_has_threads(
    stopped_service: Service, broker: RedisBroker, resources: Resources, owner: str, receiver: Receiver
) -> None:
    is_done = asyncio.Event()

    async def silent(_: Message) -> web.Response:
        await is_done.wait()
        return web.Response(status=204)

    receiver.answer = silent
    slow = await new_delivery(await new_webhook(owner, receiver.url))
    others = [f"msg_{repository.new_id()}" for _ in range(5)]
    assert await resources.sender.send_many(DELIVER_WEBHOOK, [(each,) for each in (slow, *others)]) == 6
    # All messages are there before the worker starts, so one fetch takes all that it will hold.
    worker = start_worker(stopped_service, "--threads", "1", "--queue", QUEUE)
    try:
        await receiver.received(1)
        queue = (await resources.queues.backlog()).queues[QUEUE]
    finally:
        is_done.set()
        worker.stop()
    assert (queue.taken, queue.waiting) == (1, 5)
