"""The documents, their indexes and the compare-and-set change. The only package that knows the driver."""

from waybill.documents.changes import (
    DUE,
    NOW,
    PENDING,
    ContentTakenError,
    Later,
    WinnerGoneError,
    change,
    restore,
    restore_as_duplicate,
    transition,
)
from waybill.documents.database import create_indexes, database_time, open_database
from waybill.documents.file import File, FileId
from waybill.documents.idempotency import claim
from waybill.documents.pages import Filters, Order, Position, Sort, count_files, find_page
from waybill.documents.part_sha256 import find_part_sha256s, remember_part_sha256s
from waybill.documents.queries import (
    AlreadyThereError,
    find,
    find_completed,
    find_due,
    find_expiring,
    find_known,
    find_many,
    insert,
    is_file_id,
    new_id,
)
from waybill.documents.quota import OverQuotaError, Sum, sum_sizes

__all__ = [
    "DUE",
    "NOW",
    "PENDING",
    "AlreadyThereError",
    "ContentTakenError",
    "File",
    "FileId",
    "Filters",
    "Later",
    "Order",
    "OverQuotaError",
    "Position",
    "Sort",
    "Sum",
    "WinnerGoneError",
    "change",
    "claim",
    "count_files",
    "create_indexes",
    "database_time",
    "find",
    "find_completed",
    "find_due",
    "find_expiring",
    "find_known",
    "find_many",
    "find_page",
    "find_part_sha256s",
    "insert",
    "is_file_id",
    "new_id",
    "open_database",
    "remember_part_sha256s",
    "restore",
    "restore_as_duplicate",
    "sum_sizes",
    "transition",
]
