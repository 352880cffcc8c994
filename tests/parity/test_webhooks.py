"""Webhooks through both APIs: what is stored, shown, refused and sent."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.parity.apis import ApiClient
from tests.parity.hooks import Hooks, hooks_of
from tests.receiver import Receiver, running_receiver
from tests.uploads import stored
from waybill.webhooks.model import Event
from waybill.webhooks.repository import MAX_WEBHOOKS

#: Nothing happens to this owner's files, so nothing is sent there.
URL = "https://example.com/hooks"


@pytest.fixture
async def hooks(api: ApiClient) -> AsyncIterator[Hooks]:
    """The webhooks of this test's owner. They are deleted after the test."""
    hooks = hooks_of(api)
    yield hooks
    for webhook in (await hooks.list()).data:
        await hooks.delete(webhook["id"])


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as running:
        yield running


async def settled_delivery(hooks: Hooks, webhook_id: str, receiver: Receiver) -> Any:
    """The only delivery of a webhook, once it is written down."""
    await receiver.received(1)
    while True:
        [delivery] = (await hooks.deliveries(webhook_id)).data["items"]
        if delivery["status"] != "PENDING":
            return delivery


async def test_a_webhook_is_kept_as_it_was_asked_for(hooks: Hooks) -> None:
    made = (await hooks.create(URL, events=["file.purged", "file.completed"], description="mine")).data
    assert made["secret"].startswith("whsec_")
    webhook = made["webhook"]
    assert webhook | {"id": "", "createdAt": ""} == {
        "id": "",
        "url": URL,
        "events": ["file.completed", "file.purged"],
        "description": "mine",
        "enabled": True,
        "disabledReason": None,
        "createdAt": "",
    }
    assert (await hooks.get(webhook["id"])).data == webhook
    second = (await hooks.create("https://example.com")).data["webhook"]
    assert (second["url"], second["events"]) == ("https://example.com/", list(Event))
    assert (await hooks.list()).data == [webhook, second]


async def test_what_is_not_named_stays(hooks: Hooks) -> None:
    webhook = (await hooks.create(URL, events=["file.failed"], description="mine")).data["webhook"]
    changed = await hooks.update(webhook["id"], url="https://example.com/other")
    assert changed.data == webhook | {"url": "https://example.com/other"}
    changed = await hooks.update(webhook["id"], description=None, events=["file.deleted"])
    assert changed.data["description"] is None
    assert changed.data["events"] == ["file.deleted"]
    assert (await hooks.update(webhook["id"])).data == changed.data
    for enabled in (False, False, True, True):
        assert (await hooks.update(webhook["id"], enabled=enabled)).data["enabled"] is enabled


async def test_a_deleted_webhook_is_gone(hooks: Hooks) -> None:
    webhook_id = (await hooks.create(URL)).data["webhook"]["id"]
    assert (await hooks.delete(webhook_id)).code is None
    assert (await hooks.delete(webhook_id)).code == "webhook_not_found"
    assert (await hooks.list()).data == []


async def test_somebody_elses_webhook_looks_like_none(hooks: Hooks, stranger: ApiClient) -> None:
    webhook_id = (await hooks.create(URL)).data["webhook"]["id"]
    theirs = hooks_of(stranger)
    assert (await theirs.list()).data == []
    for known_to_nobody in (webhook_id, "0" * 24, "nonsense"):
        for refused in (
            await theirs.get(known_to_nobody),
            await theirs.update(known_to_nobody, enabled=False),
            await theirs.rotate(known_to_nobody),
            await theirs.ping(known_to_nobody),
            await theirs.deliveries(known_to_nobody),
            await theirs.redeliver(known_to_nobody, "msg_" + "0" * 32),
            await theirs.delete(known_to_nobody),
        ):
            assert refused.code == "webhook_not_found"
    assert (await hooks.redeliver(webhook_id, "msg_" + "0" * 32)).code == "delivery_not_found"


async def test_nothing_goes_without_a_token(anonymous: ApiClient) -> None:
    hooks = hooks_of(anonymous)
    for refused in (await hooks.create(URL), await hooks.list(), await hooks.ping("0" * 24)):
        assert refused.code == "unauthenticated"


async def test_an_owner_has_so_many_and_no_more(hooks: Hooks) -> None:
    outcomes = await asyncio.gather(*(hooks.create(URL) for _ in range(MAX_WEBHOOKS + 3)))
    codes = [outcome.code for outcome in outcomes]
    assert sorted(codes, key=str) == [None] * MAX_WEBHOOKS + ["too_many_webhooks"] * 3
    await hooks.delete((await hooks.list()).data[0]["id"])
    assert (await hooks.create(URL)).code is None


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "nonsense"},
        {"url": ""},
        {"url": 7},
        {"url": None},
        {"url": "ftp://example.com/"},
        {"url": "https://me:secret@example.com/"},
        {"url": "https://me@example.com/"},
        {"url": "https://example.com/#fragment"},
        {"url": "https://example.com:99999/"},
        {"url": "https://" + "a" * 2050 + ".example.com/"},
        {"url": "https://\ud800.example.com/"},
        {"url": "https://exam\r\nple.com/"},
        {"url": "https://example.com/a\tb"},
        {"url": "https://example.com/\x00"},
        {"url": " https://example.com/"},
        {"url": "https://example.com/a b"},
        {"url": "https://exam\u00adple.com/"},
        {"url": "https://example.com\u3000/"},
        {"url": "https:\\\\example.com\\hooks"},
        {"url": URL, "events": []},
        {"url": URL, "events": ["file.lost"]},
        {"url": URL, "events": ["ping"]},
        {"url": URL, "description": "a" * 256},
        {"url": URL, "enabled": True},
        {"url": URL, "unknown": 1},
    ],
    ids=repr,
)
async def test_a_bad_webhook_is_refused(hooks: Hooks, fields: dict[str, Any]) -> None:
    assert (await hooks.create(**fields)).code == "invalid_input"
    assert (await hooks.list()).data == []


async def test_a_url_is_not_changed_to_a_bad_one(hooks: Hooks) -> None:
    webhook = (await hooks.create(URL)).data["webhook"]
    for url in ("https://exam\r\nple.com/", "https://example.com/ ", "https://example.com\\hooks"):
        assert (await hooks.update(webhook["id"], url=url)).code == "invalid_input"
    assert (await hooks.get(webhook["id"])).data == webhook


async def test_a_life_is_told_event_by_event(api: ApiClient, hooks: Hooks, receiver: Receiver) -> None:
    made = (await hooks.create(receiver.url)).data
    file = await stored(api, os.urandom(1000), name="größe.bin")
    [message] = await receiver.received(1, "file.completed")
    assert message.verified(made["secret"]) == message.content
    assert message.content["data"] == file
    # When MongoDB has written it down, which may be a moment later.
    assert message.content["timestamp"] >= file["completedAt"]
    assert message.headers["content-type"] == "application/json"
    deleted = (await api.delete(file["id"])).data
    [message] = await receiver.received(1, "file.deleted")
    assert message.content["data"] == deleted
    [message] = await receiver.received(1, "file.purged")
    assert message.content["data"]["purgedAt"] is not None
    assert len({message.id for message in receiver.messages}) == len(receiver.messages) == 3


async def test_only_what_was_asked_for_is_told(api: ApiClient, hooks: Hooks, receiver: Receiver) -> None:
    await hooks.create(receiver.url, events=["file.duplicate", "file.failed"])
    content = os.urandom(1000)
    first = await stored(api, content)
    duplicate = await stored(api, content)
    [message] = await receiver.received(1, "file.duplicate")
    assert message.content["data"]["id"] == duplicate["id"]
    assert message.content["data"]["duplicateOf"] == first["id"]
    assert {message.type for message in receiver.messages} == {"file.duplicate"}


async def test_a_ping_tries_the_receiver(hooks: Hooks, receiver: Receiver) -> None:
    made = (await hooks.create(receiver.url)).data
    webhook_id = made["webhook"]["id"]
    ping = (await hooks.ping(webhook_id)).data
    assert (ping["type"], ping["fileId"], ping["status"], ping["attempts"]) == ("ping", None, "PENDING", [])
    [message] = await receiver.received(1)
    assert message.id == ping["id"]
    assert message.verified(made["secret"])["type"] == "ping"
    delivery = await settled_delivery(hooks, webhook_id, receiver)
    assert delivery["status"] == "DELIVERED"
    assert delivery["deliveredAt"] is not None
    assert delivery["nextAttemptAt"] is None
    [attempt] = delivery["attempts"]
    assert (attempt["statusCode"], attempt["error"]) == (204, None)
    assert attempt["durationMs"] >= 0


async def test_a_message_is_sent_again_as_it_was(api: ApiClient, hooks: Hooks, receiver: Receiver) -> None:
    made = (await hooks.create(receiver.url, events=["file.completed"])).data
    webhook_id = made["webhook"]["id"]
    file = await stored(api, os.urandom(10))
    delivery = await settled_delivery(hooks, webhook_id, receiver)
    assert delivery["fileId"] == file["id"]
    await api.delete(file["id"])
    again = await hooks.redeliver(webhook_id, delivery["id"])
    assert again.data["id"] == delivery["id"]
    first, second = await receiver.received(2)
    assert (first.id, first.body) == (second.id, second.body)
    assert second.verified(made["secret"])["data"]["deletedAt"] is None


async def test_a_new_secret_signs_beside_the_one_before(hooks: Hooks, receiver: Receiver) -> None:
    made = (await hooks.create(receiver.url)).data
    webhook_id = made["webhook"]["id"]
    rotated = (await hooks.rotate(webhook_id)).data
    assert rotated["webhook"] == made["webhook"]
    assert rotated["secret"] != made["secret"]
    await hooks.ping(webhook_id)
    [message] = await receiver.received(1)
    for secret in (made["secret"], rotated["secret"]):
        assert message.verified(secret)["type"] == "ping"
    assert len(message.headers["webhook-signature"].split()) == 2


async def test_a_disabled_webhook_is_told_nothing(api: ApiClient, hooks: Hooks, receiver: Receiver) -> None:
    webhook_id = (await hooks.create(receiver.url)).data["webhook"]["id"]
    await hooks.update(webhook_id, enabled=False)
    assert (await hooks.ping(webhook_id)).code == "webhook_disabled"
    unseen = await stored(api, os.urandom(10))
    await hooks.update(webhook_id, enabled=True)
    seen = await stored(api, os.urandom(10))
    [message] = await receiver.received(1)
    assert message.content["data"]["id"] == seen["id"] != unseen["id"]


async def test_deliveries_are_listed_page_by_page(hooks: Hooks, receiver: Receiver) -> None:
    webhook_id = (await hooks.create(receiver.url)).data["webhook"]["id"]
    sent = [(await hooks.ping(webhook_id)).id for _ in range(5)]
    await receiver.received(5)
    while (await hooks.deliveries(webhook_id, status=["PENDING"])).data["items"]:
        pass
    found: list[str] = []
    cursor = None
    for size in (2, 2, 1):
        filters = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = (await hooks.deliveries(webhook_id, **filters)).data
        assert len(page["items"]) == size
        found += [delivery["id"] for delivery in page["items"]]
        cursor = page["next"]
    assert cursor is None
    assert found == sent[::-1]
    assert len((await hooks.deliveries(webhook_id, status=["DELIVERED", "FAILED"])).data["items"]) == 5
    for wrong in ({"limit": 0}, {"limit": 101}, {"cursor": "nonsense"}, {"status": ["LOST"]}):
        assert (await hooks.deliveries(webhook_id, **wrong)).code == "invalid_input"
