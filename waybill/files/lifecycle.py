"""Statuses, and which change to which. Pure: no I/O, only the standard library.

            complete                      verified, first of its content
 PENDING ───────────────▶ PROCESSING ───────────────────────────────▶ COMPLETED
    │                        │  └── same content already COMPLETED ───▶ DUPLICATE
    │ URL expired + grace    └── size or checksum differs, or gone ───▶ FAILED
    └─────────────────────────────────────────────────────────────────▶ EXPIRED

Deletion is a second dimension (deleted, then purged) and is not a status. COMPLETED and DUPLICATE change
places if the file that holds a content is deleted: then the oldest of the other names holds it. A deleted
file comes back as DUPLICATE if another holds its content, and as COMPLETED if its content is in the trash.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Status(StrEnum):
    """The status of a file. An undeleted file always ends in one of the last four."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    DUPLICATE = "DUPLICATE"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class FailureReason(StrEnum):
    """Why verification ended in FAILED."""

    SIZE_MISMATCH = "SIZE_MISMATCH"
    CHECKSUM_MISMATCH = "CHECKSUM_MISMATCH"
    OBJECT_MISSING = "OBJECT_MISSING"
    OBJECT_CHANGED = "OBJECT_CHANGED"
    UNSIGNED_HEADERS = "UNSIGNED_HEADERS"
    UNREADABLE = "UNREADABLE"


ARROWS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.PENDING: frozenset({Status.PROCESSING, Status.EXPIRED}),
        Status.PROCESSING: frozenset({Status.COMPLETED, Status.DUPLICATE, Status.FAILED}),
        Status.COMPLETED: frozenset(),
        Status.DUPLICATE: frozenset(),
        Status.FAILED: frozenset(),
        Status.EXPIRED: frozenset(),
    }
)


def sources(target: Status) -> frozenset[Status]:
    """Return the statuses from which an arrow leads to ``target``."""
    return frozenset(source for source, targets in ARROWS.items() if target in targets)


def is_final(status: Status) -> bool:
    """Return whether no arrow leaves ``status``."""
    return not ARROWS[status]
