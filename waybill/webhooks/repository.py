"""Storing, finding and changing webhooks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pymongo
import structlog
from bson import ObjectId
from pydantic import ValidationError
from pymongo.errors import DuplicateKeyError

from waybill.platform.errors import ServiceUnavailable, WebhookNotFound
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.expressions import NOW, stages
from waybill.webhooks.model import Webhook

#: Webhooks of one owner.
MAX_WEBHOOKS = 10

log = structlog.get_logger(__name__)


class AllTakenError(Exception):
    """Raised when an owner has ``MAX_WEBHOOKS`` already."""


async def insert_webhook(owner: str, **fields: Any) -> Webhook:
    """Store a new webhook.

    Raises:
        AllTakenError: the owner has as many as there may be.
        ServiceUnavailable: also where others took each slot that was free.
    """
    webhook_id = ObjectId()
    with map_driver_errors():
        for _ in range(MAX_WEBHOOKS):
            taken = {each["slot"] async for each in _collection().find({"owner": owner}, {"slot": 1})}
            free = next((slot for slot in range(MAX_WEBHOOKS) if slot not in taken), None)
            if free is None:
                raise AllTakenError
            new = {"owner": owner, "slot": free, "enabled": True, "created_at": NOW, **fields}
            try:
                found = await _collection().find_one_and_update(
                    {"_id": webhook_id},
                    stages(new),
                    upsert=True,
                    return_document=pymongo.ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                continue  # Another has taken the slot meanwhile.
            return _webhook_of(found)
    raise ServiceUnavailable("MongoDB")


async def find_webhooks(owner: str) -> list[Webhook]:
    """The owner's webhooks, the oldest first."""
    with map_driver_errors():
        found = await _collection().find({"owner": owner}).sort("_id", 1).to_list(MAX_WEBHOOKS)
    return [_webhook_of(document) for document in found]


async def find_enabled(owners: Iterable[str]) -> dict[str, list[Webhook]]:
    """The enabled webhooks of those owners, by owner."""
    found: dict[str, list[Webhook]] = defaultdict(list)
    with map_driver_errors():
        async for document in _collection().find({"owner": {"$in": list(owners)}, "enabled": True}):
            try:
                found[document["owner"]].append(_webhook_of(document))
            except ValidationError as error:
                # Of a newer release, or changed by hand: no reason to hold up the others.
                log.error("webhook passed over", webhook_id=str(document["_id"]), error=str(error))
    return found


async def find_webhook(webhook_id: str, owner: str | None = None) -> Webhook:
    """The webhook of that id; with ``owner``, only if it is that owner's.

    Raises:
        WebhookNotFound: malformed, unknown and foreign ids alike.
    """
    query: dict[str, Any] = {"_id": webhook_id}
    if ObjectId.is_valid(webhook_id):
        query["_id"] = ObjectId(webhook_id)
    if owner is not None:
        query["owner"] = owner
    with map_driver_errors():
        found = await _collection().find_one(query)
    if found is None:
        raise WebhookNotFound(webhook_id)
    return _webhook_of(found)


async def find_earliest() -> str | None:
    """Return the earliest position at which an enabled webhook begins, or None."""
    with map_driver_errors():
        found = await _collection().find_one({"enabled": True}, {"since": 1}, sort=[("since", 1)])
    return None if found is None else found["since"]


async def change_webhook(webhook: Webhook, expected: Mapping[str, Any], **changes: Any) -> Webhook | None:
    """As ``change``, of a webhook."""
    with map_driver_errors():
        found = await _collection().find_one_and_update(
            {"_id": webhook.id, **expected},
            stages(changes),
            return_document=pymongo.ReturnDocument.AFTER,
        )
    return None if found is None else _webhook_of(found)


async def delete_webhook(webhook: Webhook) -> None:
    """Remove a webhook. One that is gone is removed."""
    with map_driver_errors():
        await _collection().delete_one({"_id": webhook.id})


def _webhook_of(document: Mapping[str, Any]) -> Webhook:
    webhook: Webhook = Webhook.model_validate(document)
    return webhook


def _collection() -> Any:
    return Webhook.get_motor_collection()
