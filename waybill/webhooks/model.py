"""Events, webhooks and deliveries: the documents and their indexes."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

import pymongo
from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field


class Event(StrEnum):
    """An event of a file that webhooks can subscribe to."""

    FILE_COMPLETED = "file.completed"
    FILE_DUPLICATE = "file.duplicate"
    FILE_FAILED = "file.failed"
    FILE_UPDATED = "file.updated"
    FILE_DELETED = "file.deleted"
    FILE_PURGED = "file.purged"


#: The type of a test message without an event.
PING = "ping"


class DeliveryStatus(StrEnum):
    """The status of a delivery."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class DisabledReason(StrEnum):
    """Why Waybill has disabled a webhook: its receiver answered 410 (GONE), or failed for days (FAILING)."""

    GONE = "GONE"
    FAILING = "FAILING"


#: How long deliveries are stored.
DELIVERY_RETENTION = timedelta(days=30)


class Webhook(Document):
    """A URL, and the events that are sent to it.

    ``slot`` is a number below the limit, unique for each owner, so that parallel requests cannot exceed the
    limit. ``since`` is the resume token in the change stream after which changes are sent to the webhook.
    """

    id: PydanticObjectId
    owner: str
    slot: int
    url: str
    events: list[Event]
    description: str | None = None
    created_at: datetime
    since: str

    # After a rotation the previous secret still signs for a while.
    secret: str = Field(repr=False)
    previous_secret: str | None = Field(default=None, repr=False)
    previous_until: datetime | None = None

    enabled: bool = True
    disabled_reason: DisabledReason | None = None
    # When the first failure after the last success was.
    failing_since: datetime | None = None

    class Settings:
        name = "webhooks"
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            pymongo.IndexModel([("owner", 1), ("slot", 1)], name="slots", unique=True),
            pymongo.IndexModel([("since", 1)], name="earliest", partialFilterExpression={"enabled": True}),
        ]

    @property
    def webhook_id(self) -> str:
        """The id in the form that clients use."""
        return str(self.id)


class Attempt(BaseModel):
    """One request: the status of its response, or why there was none."""

    at: datetime
    status_code: int | None = None
    error: str | None = None
    duration_ms: int


class Delivery(Document):
    """A message to one webhook, with its attempts.

    ``due_at`` is the outbox, like that of a file: from that time on the delivery needs a job. During an
    attempt it is the end of the lease.
    """

    id: str  # type: ignore[assignment]
    webhook: PydanticObjectId
    type: str
    file: PydanticObjectId | None = None
    body: str
    created_at: datetime

    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: list[Attempt] = Field(default=[])
    # The number of attempts since the delivery was created, or was last sent again by its owner.
    tried: int = 0
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None

    due_at: datetime | None = None
    attempt: str | None = None
    attempt_began_at: datetime | None = None

    class Settings:
        name = "webhook_deliveries"
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            pymongo.IndexModel([("webhook", 1), ("created_at", -1), ("_id", -1)], name="newest"),
            pymongo.IndexModel(
                [("webhook", 1), ("status", 1), ("created_at", -1), ("_id", -1)], name="newest_by_status"
            ),
            pymongo.IndexModel(
                [("webhook", 1), ("due_at", 1)],
                name="due_by_webhook",
                partialFilterExpression={"due_at": {"$exists": True}},
            ),
            pymongo.IndexModel(
                [("webhook", 1), ("next_attempt_at", 1)],
                name="waiting",
                partialFilterExpression={"next_attempt_at": {"$exists": True}},
            ),
            pymongo.IndexModel(
                [("created_at", 1)], name="old", expireAfterSeconds=int(DELIVERY_RETENTION.total_seconds())
            ),
        ]
