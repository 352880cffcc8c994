"""The documents, their indexes and the compare-and-set change. The only package that knows the driver."""

from waybill.documents.census import latest_census, take_census
from waybill.documents.changes import (
    DUE,
    OVERDUE,
    PENDING,
    PURGEABLE,
    ContentTakenError,
    WinnerGoneError,
    change,
    change_many,
    restore,
    restore_as_duplicate,
    transition,
    transition_many,
)
from waybill.documents.database import create_indexes, database_time, open_database
from waybill.documents.feed import (
    Change,
    HistoryLostError,
    covers,
    current_position,
    find_at,
    moment_of,
    watch,
)
from waybill.documents.file import File, FileId
from waybill.documents.idempotency import claim
from waybill.documents.pages import Filters, Order, Position, Sort, count_files, find_page
from waybill.documents.part_sha256 import find_part_sha256s, remember_part_sha256s
from waybill.documents.queries import (
    AlreadyThereError,
    find,
    find_completed,
    find_known,
    find_many,
    insert,
    is_file_id,
    new_id,
)
from waybill.documents.quota import OverQuotaError, Sum, sum_sizes
from waybill.documents.sweeps import Fields, find_due, find_expiring, find_fields
from waybill.documents.usage import MAX_TYPES, UsageHistory, find_usage_history
from waybill.documents.values import NOW, Later, Once, Upcoming

__all__ = [
    "DUE",
    "MAX_TYPES",
    "NOW",
    "OVERDUE",
    "PENDING",
    "PURGEABLE",
    "AlreadyThereError",
    "Change",
    "ContentTakenError",
    "Fields",
    "File",
    "FileId",
    "Filters",
    "HistoryLostError",
    "Later",
    "Once",
    "Order",
    "OverQuotaError",
    "Position",
    "Sort",
    "Sum",
    "Upcoming",
    "UsageHistory",
    "WinnerGoneError",
    "change",
    "change_many",
    "claim",
    "count_files",
    "covers",
    "create_indexes",
    "current_position",
    "database_time",
    "find",
    "find_at",
    "find_completed",
    "find_due",
    "find_expiring",
    "find_fields",
    "find_known",
    "find_many",
    "find_page",
    "find_part_sha256s",
    "find_usage_history",
    "insert",
    "is_file_id",
    "latest_census",
    "moment_of",
    "new_id",
    "open_database",
    "remember_part_sha256s",
    "restore",
    "restore_as_duplicate",
    "sum_sizes",
    "take_census",
    "transition",
    "transition_many",
    "watch",
]
