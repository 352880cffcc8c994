"""Fan out changes of files: one delivery for each webhook that subscribes to the event."""

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

_EDITABLE = frozenset({"name", "content_type", "folder", "metadata"})


async def fan_out(resources: Resources, changes: Sequence[Change]) -> None:
    """Insert a delivery for each change and each webhook that subscribes to its event, and enqueue it.

    A change that is read twice makes no second delivery: the id of a delivery follows from the change.

    Raises:
        ServiceUnavailable: MongoDB is unavailable; the caller must read the changes again.
    """
    eventful = [change for change in changes if any(_events(change))]
    if not eventful:
        return
    # After the changes were read, so that a webhook that was created before a change is found.
    webhooks = await repository.find_enabled({change.file.owner for change in eventful})
    deliveries: list[dict[str, Any]] = []
    for change in eventful:
        try:
            deliveries += _deliveries(change, webhooks[change.file.owner])
        except ValueError:
            # The document was changed by hand. It must not block later changes.
            log.exception("no delivery made: the file is not valid", file_id=change.file.file_id)
    if deliveries:
        await delivery_repository.insert_deliveries(deliveries, RECONCILE_AFTER_SECONDS)
        # If the process dies after this line, the reconciler enqueues them, because ``due_at`` is set.
        await resources.sender.send_many(DELIVER_WEBHOOK, [[delivery["_id"]] for delivery in deliveries])


def _deliveries(change: Change, webhooks: Sequence[Webhook]) -> Iterator[dict[str, Any]]:
    file = change.file
    for event in _events(change):
        subscribed = [
            webhook for webhook in webhooks if event in webhook.events and webhook.since < change.resume_token
        ]
        if subscribed:
            data = FileJson.of(file).model_dump(mode="json", by_alias=True)
            body = message_body(event, change.at, data)
        for webhook in subscribed:
            yield {
                "_id": message_id(webhook.webhook_id, file.file_id, event, change.resume_token),
                "webhook": webhook.id,
                "type": event.value,
                "file": file.key,
                "body": body,
            }


def _events(change: Change) -> Iterator[Event]:
    file, changed = change.file, change.changed
    # A deleted file whose content went to another name is DUPLICATE, which is not the result of a
    # verification.
    if "status" in changed and file.status in _OUTCOMES and file.deleted_at is None:
        yield _OUTCOMES[file.status]
    # In a new file all fields have changed.
    if _EDITABLE & changed and "created_at" not in changed:
        yield Event.FILE_UPDATED
    if "deleted_at" in changed and file.deleted_at is not None:
        yield Event.FILE_DELETED
    if "purged_at" in changed and file.purged_at is not None:
        yield Event.FILE_PURGED
