"""Webhooks on a running service: retries, kills, lost messages, and another that takes over."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web

from stack.stack import Stack
from tests.actors.conftest import key_of, open_bucket
from tests.parity.apis import RestApi
from tests.parity.hooks import RestHooks
from tests.receiver import Message, Receiver, running_receiver
from tests.service import Service, running_service, start_worker
from tests.uploads import settled, stored
from tests.waiting import until
from tests.webhooks import pass_time
from waybill.resources import redis_client


@pytest.fixture(scope="module")
def own(stack: Stack) -> Iterator[Service]:
    """A Waybill whose workers may be killed."""
    with running_service(stack) as running:
        yield running


@pytest.fixture
async def api(own: Service, owner: str) -> AsyncIterator[RestApi]:
    async with own.client(owner) as client:
        yield RestApi(client)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as running:
        yield running


@pytest.fixture
async def hooks(api: RestApi) -> AsyncIterator[RestHooks]:
    hooks = RestHooks(api)
    yield hooks
    for webhook in (await hooks.list()).data:
        await hooks.delete(webhook["id"])


async def delivered(hooks: RestHooks, webhook_id: str, count: int = 1) -> list[dict[str, Any]]:
    """The deliveries of a webhook, once so many of them were delivered; no other is among them."""

    async def all_delivered() -> Any:
        items = (await hooks.deliveries(webhook_id, limit=100)).data["items"]
        return items if [each["status"] for each in items] == ["DELIVERED"] * count else None

    found: list[dict[str, Any]] = await until(all_delivered, "all is delivered", 60)
    return found


async def test_a_failed_attempt_is_made_again_by_itself(
    api: RestApi, hooks: RestHooks, receiver: Receiver
) -> None:
    answers = [web.Response(status=500), web.Response(status=200)]
    receiver.answer = lambda _: answers.pop(0)
    webhook_id = (await hooks.create(receiver.url)).data["webhook"]["id"]
    await hooks.ping(webhook_id)
    [delivery] = await delivered(hooks, webhook_id)
    assert [attempt["statusCode"] for attempt in delivery["attempts"]] == [500, 200]
    first, second = receiver.messages
    assert (first.id, first.body) == (second.id, second.body)


async def test_a_failed_verification_is_told(
    own: Service, api: RestApi, hooks: RestHooks, receiver: Receiver
) -> None:
    await hooks.create(receiver.url)
    requested = await api.request(name="a", size=5)
    async for bucket in open_bucket(own):
        await bucket.put(key_of(requested.data["upload"]), b"longer than five")
    await api.complete(requested.id)
    file = await settled(api, requested.id)
    [message] = await receiver.received(1, "file.failed")
    assert message.content["data"] | {"purgedAt": None} == file | {"purgedAt": None}
    assert message.content["data"]["failureReason"] == "SIZE_MISMATCH"
    await receiver.received(1, "file.purged")


async def test_events_of_a_time_without_workers_are_told_afterwards(
    own: Service, api: RestApi, hooks: RestHooks, receiver: Receiver
) -> None:
    """Killed between a change and its delivery, and the queues emptied: what MongoDB has is enough."""
    webhook_id = (await hooks.create(receiver.url, events=["file.deleted"])).data["webhook"]["id"]
    ids = {(await stored(api, os.urandom(10)))["id"] for _ in range(5)}
    own.worker.kill()
    for file_id in ids:
        await api.delete(file_id)
    with redis_client(own.settings) as client:
        client.flushdb()
    await pass_time(own)
    own.worker.restart()
    found = await delivered(hooks, webhook_id, len(ids))
    assert {delivery["fileId"] for delivery in found} == ids
    assert len(receiver.messages) == len(ids)


async def test_a_worker_killed_in_an_attempt_is_made_up_for(
    own: Service, api: RestApi, hooks: RestHooks, receiver: Receiver
) -> None:
    silent = asyncio.Event()

    async def say_nothing(_: Message) -> web.Response:
        await silent.wait()
        return web.Response()

    receiver.answer = say_nothing
    webhook_id = (await hooks.create(receiver.url)).data["webhook"]["id"]
    await hooks.ping(webhook_id)
    await receiver.received(1)
    own.worker.kill()
    silent.set()
    await pass_time(own)
    own.worker.restart()
    [delivery] = await delivered(hooks, webhook_id)
    # Of the one that died nothing is known, but to the receiver, which takes the message by its id.
    assert len(delivery["attempts"]) == 1
    assert len(receiver.messages) == 2
    assert len({message.id for message in receiver.messages}) == 1


async def test_when_the_one_that_follows_is_killed_another_does(
    own: Service, api: RestApi, hooks: RestHooks, receiver: Receiver
) -> None:
    webhook_id = (await hooks.create(receiver.url, events=["file.deleted"])).data["webhook"]["id"]
    ids = [(await stored(api, os.urandom(10)))["id"] for _ in range(3)]
    await api.delete(ids[0])
    await receiver.received(1)
    # This one has the lease, for it is alone.
    other = start_worker(own)
    try:
        await until(lambda: _is_up(other), "the other worker is up")
        own.worker.kill()
        await api.delete(ids[1])
        await pass_time(own)
        await receiver.received(2)
        # And back again, in order: who stops lets go of the lease.
        own.worker.restart()
        other.stop()
        await api.delete(ids[2])
        await delivered(hooks, webhook_id, 3)
    finally:
        other.stop()
    assert [message.content["data"]["id"] for message in receiver.messages] == ids


async def _is_up(worker: Any) -> bool:
    return "Event loop is running" in worker.log.read_text()
