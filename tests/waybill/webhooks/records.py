"""Insert webhooks and deliveries without the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from tests.waybill.conftest import insert_file, reload
from waybill.events import change_stream
from waybill.files import repository as file_repository
from waybill.files import transitions
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.platform.mongo.expressions import NOW, InSeconds
from waybill.platform.redis.messages import DELIVER_WEBHOOK, QUEUES
from waybill.webhooks import delivery_repository, repository
from waybill.webhooks.message import new_secret
from waybill.webhooks.model import Delivery, Event, Webhook

DAY = timedelta(days=1)


async def new_webhook(owner: str, url: str = "https://example.com/", **fields: Any) -> Webhook:
    """Insert a webhook for all later events."""
    fields = {"url": url, "events": list(Event), "secret": new_secret()} | fields
    return await repository.insert_webhook(owner, since=await change_stream.current_resume_token(), **fields)


async def deliveries(webhook: Webhook) -> list[Delivery]:
    """All deliveries of a webhook, the newest first."""
    return await delivery_repository.find_deliveries(webhook, (), limit=10_000, after=None)


async def deleted(owner: str) -> File:
    """A file that is deleted after it was stored: one event."""
    file = await insert_file(owner)
    assert await transitions.change(file, {}, deleted_at=NOW) is not None
    return await reload(file)


async def failed(owner: str) -> File:
    """A file that fails: one event."""
    file = await insert_file(owner, status=Status.PROCESSING)
    moved = await transitions.transition(
        file, Status.FAILED, failure_reason="OBJECT_MISSING", due_at=InSeconds(60)
    )
    assert moved is not None
    return moved


async def new_delivery(webhook: Webhook, **fields: Any) -> str:
    """Insert a delivery that is ready. Return its id."""
    delivery_id = f"msg_{file_repository.new_id()}"
    new = {"_id": delivery_id, "webhook": webhook.id, "type": "ping", "body": '{"type":"ping"}'}
    await delivery_repository.insert_deliveries([new], reconcile_after=60)
    if fields:
        assert await delivery_repository.change_delivery(delivery_id, {}, **fields) is not None
    return delivery_id


async def make_due(delivery_id: str) -> None:
    """Let the time for the next attempt come."""
    past = datetime.now(UTC) - DAY
    found = await delivery_repository.change_delivery(
        delivery_id, {"due_at": {"$exists": True}}, next_attempt_at=past, due_at=past
    )
    assert found is not None


def sent_for(broker: RedisBroker) -> list[str]:
    """The deliveries for which messages wait."""
    waiting: Any = broker.client.hvals(f"dramatiq:{QUEUES[DELIVER_WEBHOOK]}.msgs")
    return [str(Message.decode(message).args[0]) for message in waiting]
