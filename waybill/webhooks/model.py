"""Events, webhooks and deliveries: the documents and their indexes."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

import pymongo
from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field


class Event(StrEnum):
    """Something that has happened to a file."""

    FILE_COMPLETED = "file.completed"
    FILE_DUPLICATE = "file.duplicate"
    FILE_FAILED = "file.failed"
    FILE_UPDATED = "file.updated"
    FILE_DELETED = "file.deleted"
    FILE_PURGED = "file.purged"


#: The type of a test message without an event.
PING = "ping"


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class DisabledReason(StrEnum):
    """Why a webhook was disabled by us."""

    GONE = "GONE"
    FAILING = "FAILING"


#: How long deliveries are kept.
DELIVERY_RETENTION = timedelta(days=30)


class Webhook(Document):
    """A URL, and the events that are sent to it.

    ``slot`` makes the limit hold whatever is made in parallel: there are so many, and one index. ``since`` is
    the place in the feed of changes from which on the webhook is told.
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
    # No attempt has succeeded since.
    failing_since: datetime | None = None

    class Settings:
        name = "webhooks"
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            pymongo.IndexModel([("owner", 1), ("slot", 1)], name="slots", unique=True),
            pymongo.IndexModel([("since", 1)], name="earliest", partialFilterExpression={"enabled": True}),
        ]

    @property
    def webhook_id(self) -> str:
        """The id as clients know it."""
        return str(self.id)


class Attempt(BaseModel):
    """One request: the status of its answer, or why there was none."""

    at: datetime
    status_code: int | None = None
    error: str | None = None
    duration_ms: int


class Delivery(Document):
    """A message to one webhook, with its attempts.

    ``due_at`` is the outbox, as that of a file: a job is owed, and must be sent again should nothing have
    happened until then. During an attempt it is the end of its lease.
    """

    id: str  # type: ignore[assignment]
    webhook: PydanticObjectId
    type: str
    file: PydanticObjectId | None = None
    body: str
    created_at: datetime

    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: list[Attempt] = Field(default=[])
    # Since the delivery was made, or last asked for.
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
