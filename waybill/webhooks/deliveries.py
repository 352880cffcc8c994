"""The deliveries of a webhook: list them, send one reset, send a ping."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from waybill.platform.cursor import EPOCH, MILLISECOND, decode_cursor, encode_cursor
from waybill.platform.errors import DeliveryNotFound, InvalidInput, WebhookDisabled
from waybill.platform.mongo.expressions import NOW, InSeconds
from waybill.platform.principal import Principal, is_storable
from waybill.platform.redis.messages import DELIVER_WEBHOOK, RECONCILE_AFTER_SECONDS
from waybill.resources import Resources
from waybill.webhooks import delivery_repository, repository
from waybill.webhooks.message import message_body
from waybill.webhooks.model import PING, Delivery, DeliveryStatus

MAX_PAGE_DELIVERIES = 100


class DeliveryListing(BaseModel):
    """The parameters of a list. REST and GraphQL validate with this model."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    limit: int = Field(default=20, ge=1, le=MAX_PAGE_DELIVERIES, description="The most deliveries per page.")
    cursor: str | None = Field(
        default=None,
        description="`nextCursor` of the previous page, unchanged.",
        json_schema_extra={"minLength": 1},
    )
    status: list[DeliveryStatus] = Field(
        default=[], description="Only deliveries with this status. Repeat it for several."
    )


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries of a list, and whether there are more after them."""

    items: Sequence[Delivery]
    has_more: bool

    @property
    def next_cursor(self) -> str | None:
        """Return the cursor of the next page, or None on the last page."""
        return self.cursor_of(self.items[-1]) if self.has_more else None

    @staticmethod
    def cursor_of(delivery: Delivery) -> str:
        """Return the cursor of one of the deliveries."""
        return encode_cursor([(delivery.created_at - EPOCH) // MILLISECOND, delivery.id])


async def list_deliveries(principal: Principal, webhook_id: str, listing: DeliveryListing) -> DeliveryPage:
    """Return a page of the deliveries of a webhook in the last 30 days, the newest first.

    Raises:
        WebhookNotFound: no such webhook of this owner.
        InvalidInput: the cursor is malformed.
    """
    webhook = await repository.find_webhook(webhook_id, principal.owner)
    found = await delivery_repository.find_deliveries(
        webhook,
        listing.status,
        limit=listing.limit + 1,
        after=None if listing.cursor is None else _position_of(listing.cursor),
    )
    return DeliveryPage(found[: listing.limit], len(found) > listing.limit)


async def ping_webhook(resources: Resources, principal: Principal, webhook_id: str) -> Delivery:
    """Send a test message without an event.

    Raises:
        WebhookNotFound: no such webhook of this owner.
        WebhookDisabled: the webhook is disabled.
        ServiceUnavailable: MongoDB is unavailable; a repeat may send a second message.
    """
    webhook = await repository.find_webhook(webhook_id, principal.owner)
    if not webhook.enabled:
        raise WebhookDisabled(webhook_id)
    delivery_id = f"msg_{secrets.token_hex(16)}"
    body = message_body(PING, datetime.now(UTC), {"webhookId": webhook.webhook_id})
    ping: dict[str, Any] = {"_id": delivery_id, "webhook": webhook.id, "type": PING, "body": body}
    await delivery_repository.insert_deliveries([ping], RECONCILE_AFTER_SECONDS)
    delivery = await delivery_repository.find_delivery(delivery_id)
    await resources.sender.send(DELIVER_WEBHOOK, delivery_id)
    return delivery


async def redeliver(
    resources: Resources, principal: Principal, webhook_id: str, delivery_id: str
) -> Delivery:
    """Send a message again, unchanged and with the same id, also if it was delivered.

    Raises:
        WebhookNotFound: no such webhook of this owner.
        DeliveryNotFound: no such delivery of this webhook.
        WebhookDisabled: the webhook is disabled.
        ServiceUnavailable: MongoDB is unavailable; a repeat is safe.
    """
    webhook = await repository.find_webhook(webhook_id, principal.owner)
    delivery = await delivery_repository.find_delivery(delivery_id, webhook)
    if not webhook.enabled:
        raise WebhookDisabled(webhook_id)
    reset = await delivery_repository.change_delivery(
        delivery.id,
        {},
        status=DeliveryStatus.PENDING,
        # An attempt that runs now loses its lease and records nothing.
        attempt=None,
        attempt_began_at=None,
        tried=0,
        next_attempt_at=NOW,
        delivered_at=None,
        due_at=InSeconds(RECONCILE_AFTER_SECONDS),
    )
    if reset is None:
        raise DeliveryNotFound(delivery_id)
    await resources.sender.send(DELIVER_WEBHOOK, delivery_id)
    return reset


def _position_of(cursor: str) -> tuple[datetime, str]:
    """Return the time and the id that a cursor encodes.

    Raises:
        InvalidInput: the cursor is malformed.
    """
    try:
        match decode_cursor(cursor):
            case [int(milliseconds), str(delivery_id)] if is_storable(delivery_id):
                return EPOCH + milliseconds * MILLISECOND, delivery_id
    except OverflowError:
        pass
    raise InvalidInput({"cursor": "is not a cursor of this list; use the last page's"})
