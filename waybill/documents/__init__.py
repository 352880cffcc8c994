"""The documents, their indexes and the compare-and-set change. The only package that knows the driver."""

from waybill.documents.changes import (
    DUE,
    NOW,
    ContentTakenError,
    Later,
    WinnerGoneError,
    change,
    transition,
)
from waybill.documents.database import create_indexes, database_time, open_database
from waybill.documents.file import File
from waybill.documents.queries import (
    find,
    find_completed,
    find_due,
    find_expiring,
    find_many,
    find_page,
    insert,
    is_file_id,
    new_id,
)

__all__ = [
    "DUE",
    "NOW",
    "ContentTakenError",
    "File",
    "Later",
    "WinnerGoneError",
    "change",
    "create_indexes",
    "database_time",
    "find",
    "find_completed",
    "find_due",
    "find_expiring",
    "find_many",
    "find_page",
    "insert",
    "is_file_id",
    "new_id",
    "open_database",
    "transition",
]
