"""Messages are sent together, and wake the workers of their own database alone."""

import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from stack.stack import Stack
from waybill.platform.redis.client import open_redis
from waybill.platform.redis.messages import QUEUES, VERIFY_UPLOAD, Sender, sent_channel

NAMESPACE = "messages"
QUEUE = QUEUES[VERIFY_UPLOAD]


def in_database(stack: Stack, number: int) -> str:
    return stack.addresses.redis_url.removesuffix("/0") + f"/{number}"


async def test_workers_of_another_database_are_not_woken(stack: Stack) -> None:
    ours, others = (sent_channel(NAMESPACE, number) for number in (14, 15))
    with redis.Redis.from_url(in_database(stack, 14)) as client, client.pubsub() as listening:
        listening.subscribe(ours, others)
        async with open_redis(in_database(stack, 15)) as opened:
            assert await Sender(opened, NAMESPACE).send(VERIFY_UPLOAD, "a")
        messages: list[str] = []
        while not messages:
            said = listening.get_message(timeout=10)
            assert said is not None, "no worker is woken"
            if said["type"] == "message":
                messages.append(said["channel"].decode())
    assert messages == [others]


async def test_a_batch_is_sent_in_its_order_and_dramatiq_takes_it(stack: Stack) -> None:
    with redis.Redis.from_url(in_database(stack, 15)) as client:
        client.flushdb()
        async with open_redis(in_database(stack, 15)) as opened:
            sender = Sender(opened, NAMESPACE)
            assert await sender.send_many(VERIFY_UPLOAD, [[str(number)] for number in range(100)]) == 100
            assert await sender.waiting(VERIFY_UPLOAD) == 100
        broker = RedisBroker(client=client, middleware=[], namespace=NAMESPACE)
        consumer = broker.consume(QUEUE, prefetch=100)
        messages = [message for _ in range(100) if (message := next(consumer)) is not None]
        assert [message.args for message in messages] == [(str(number),) for number in range(100)]
        client.flushdb()


@pytest.mark.parametrize("namespace", ["dramatiq", "other"])
def test_channels_name_the_database_and_the_namespace(namespace: str) -> None:
    channels = {sent_channel(namespace, database) for database in range(16)}
    assert len(channels) == 16
    assert all(namespace in channel for channel in channels)
