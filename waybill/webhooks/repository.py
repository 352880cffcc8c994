"""Insert, find and change webhooks."""

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

#: The most webhooks of one owner.
MAX_WEBHOOKS = 10

log = structlog.get_logger(__name__)


class AllTakenError(Exception):
    """Raised when an owner already has ``MAX_WEBHOOKS``."""


async def insert_webhook(owner: str, **fields: Any) -> Webhook:
    """Store a new webhook.

    Raises:
        AllTakenError: the owner already has ``MAX_WEBHOOKS``.
        ServiceUnavailable: MongoDB is unavailable, or parallel requests took every free slot.
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
                continue  # A parallel request has taken the slot.
            return _webhook_of(found)
    raise ServiceUnavailable("MongoDB")


async def find_webhooks(owner: str) -> list[Webhook]:
    """Return the owner's webhooks, the oldest first."""
    with map_driver_errors():
        found = await _collection().find({"owner": owner}).sort("_id", 1).to_list(MAX_WEBHOOKS)
    return [_webhook_of(document) for document in found]


async def find_enabled(owners: Iterable[str]) -> dict[str, list[Webhook]]:
    """Return the enabled webhooks of some owners, by owner."""
    found: dict[str, list[Webhook]] = defaultdict(list)
    with map_driver_errors():
        async for document in _collection().find({"owner": {"$in": list(owners)}, "enabled": True}):
            try:
                found[document["owner"]].append(_webhook_of(document))
            except ValidationError as error:
                # It is of a newer release, or was changed by hand. It must not block the others.
                log.error("webhook skipped: not valid", webhook_id=str(document["_id"]), error=str(error))
    return found


async def find_webhook(webhook_id: str, owner: str | None = None) -> Webhook:
    """Return the webhook with this id. With ``owner``, only if it belongs to that owner.

    Raises:
        WebhookNotFound: the id is malformed, unknown, or of another owner.
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
    """Return the earliest resume token at which an enabled webhook begins, or None."""
    with map_driver_errors():
        found = await _collection().find_one({"enabled": True}, {"since": 1}, sort=[("since", 1)])
    return None if found is None else found["since"]


async def change_webhook(webhook: Webhook, expected: Mapping[str, Any], **changes: Any) -> Webhook | None:
    """Set and unset fields of a webhook, if it matches ``expected``. Returns None if it does not."""
    with map_driver_errors():
        found = await _collection().find_one_and_update(
            {"_id": webhook.id, **expected},
            stages(changes),
            return_document=pymongo.ReturnDocument.AFTER,
        )
    return None if found is None else _webhook_of(found)


async def delete_webhook(webhook: Webhook) -> None:
    """Remove a webhook. A missing one counts as removed."""
    with map_driver_errors():
        await _collection().delete_one({"_id": webhook.id})


def _webhook_of(document: Mapping[str, Any]) -> Webhook:
    webhook: Webhook = Webhook.model_validate(document)
    return webhook


def _collection() -> Any:
    return Webhook.get_motor_collection()
