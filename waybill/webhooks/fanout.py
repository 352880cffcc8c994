"""Files have changed: what webhooks are owed for it."""

from collections.abc import Iterator, Sequence
from typing import Any

import structlog

from waybill.events.change_stream import Change
from waybill.files.file_json import File as FileJson
from waybill.files.lifecycle import Status
from waybill.platform.redis.messages import DELIVER_WEBHOOK, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources
from waybill.webhooks import delivery_repository, repository
from waybill.webhooks.message import message_body, message_id
from waybill.webhooks.model import Event, Webhook

log = structlog.get_logger(__name__)

_OUTCOMES = {
    Status.COMPLETED: Event.FILE_COMPLETED,
    Status.DUPLICATE: Event.FILE_DUPLICATE,
    Status.FAILED: Event.FILE_FAILED,
}


async def fan_out(resources: Resources, changes: Sequence[Change]) -> None:
    """Make a delivery for each webhook that wants to be told of one of the changes, and have it sent.

    Reading a change twice, also by two at once, makes nothing twice: a delivery's id follows from the change.

    Raises:
        ServiceUnavailable: MongoDB is away; the changes are to be read again.
    """
    eventful = [change for change in changes if any(_events(change))]
    if not eventful:
        return
    # After the changes were read: a webhook whose owner knew of it when a file changed is among these.
    webhooks = await repository.find_enabled({change.file.owner for change in eventful})
    deliveries: list[dict[str, Any]] = []
    for change in eventful:
        try:
            deliveries += _deliveries(change, webhooks[change.file.owner])
        except ValueError:
            # A document that something else has changed. It must not hold up all that comes after.
            log.exception("a change cannot be told", file_id=change.file.file_id)
    if deliveries:
        await delivery_repository.insert_deliveries(deliveries, RECONCILE_AFTER_SECONDS)
        # What is lost from here on is due, and sent by the reconciler.
        await resources.sender.send_many(DELIVER_WEBHOOK, [[delivery["_id"]] for delivery in deliveries])


def _deliveries(change: Change, webhooks: Sequence[Webhook]) -> Iterator[dict[str, Any]]:
    file = change.file
    for event in _events(change):
        wanted = [
            webhook for webhook in webhooks if event in webhook.events and webhook.since < change.position
        ]
        if wanted:
            data = FileJson.of(file).model_dump(mode="json", by_alias=True)
            body = message_body(event, change.at, data)
        for webhook in wanted:
            yield {
                "_id": message_id(webhook.webhook_id, file.file_id, event, change.position),
                "webhook": webhook.id,
                "type": event.value,
                "file": file.key,
                "body": body,
            }


def _events(change: Change) -> Iterator[Event]:
    file, changed = change.file, change.changed
    if "status" in changed and file.status in _OUTCOMES:
        yield _OUTCOMES[file.status]
    if "deleted_at" in changed and file.deleted_at is not None:
        yield Event.FILE_DELETED
    if "purged_at" in changed and file.purged_at is not None:
        yield Event.FILE_PURGED
