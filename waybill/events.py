"""What webhooks tell of. Pure: nothing but the standard library."""

from enum import StrEnum


class Event(StrEnum):
    """Something that has happened to a file."""

    FILE_COMPLETED = "file.completed"
    FILE_DUPLICATE = "file.duplicate"
    FILE_FAILED = "file.failed"
    FILE_DELETED = "file.deleted"
    FILE_PURGED = "file.purged"


#: The type of a message that tells of nothing, to try a receiver with.
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
