"""The documents, their indexes and the compare-and-set change. The only package that knows the driver."""

from waybill.documents.all_files import read_all_files
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
from waybill.documents.database import check_majority, database_time, open_database
from waybill.documents.file import File, FileId
from waybill.documents.followers import change_follower, take_over
from waybill.documents.idempotency import claim
from waybill.documents.index_keys import Position
from waybill.documents.indexes import create_indexes, missing_indexes
from waybill.documents.list_query import FoundFiles, find_page, position_of
from waybill.documents.pages import Filters, Order, Sort, count_files
from waybill.documents.part_sha256 import find_part_sha256s, remember_part_sha256s
from waybill.documents.queries import (
    AlreadyThereError,
    find,
    find_completed,
    find_known,
    find_many,
    find_own,
    has_files,
    insert,
    is_file_id,
    new_id,
)
from waybill.documents.quota import OverQuotaError
from waybill.documents.sums import Sum, fold_marked
from waybill.documents.sweeps import (
    Fields,
    Group,
    find_due_owners,
    find_due_purges,
    find_due_verifications,
    find_expiring,
    find_fields,
)
from waybill.documents.usage import MAX_TYPES, UsageHistory, find_usage_history, sum_by_status
from waybill.documents.values import NOW, Appended, Backoff, Later, Once, Upcoming
from waybill.documents.walk import walk_on

__all__ = [
    "DUE",
    "MAX_TYPES",
    "NOW",
    "OVERDUE",
    "PENDING",
    "PURGEABLE",
    "AlreadyThereError",
    "Appended",
    "Backoff",
    "ContentTakenError",
    "Fields",
    "File",
    "FileId",
    "Filters",
    "FoundFiles",
    "Group",
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
    "change_follower",
    "change_many",
    "check_majority",
    "claim",
    "count_files",
    "create_indexes",
    "database_time",
    "find",
    "find_completed",
    "find_due_owners",
    "find_due_purges",
    "find_due_verifications",
    "find_expiring",
    "find_fields",
    "find_known",
    "find_many",
    "find_own",
    "find_page",
    "find_part_sha256s",
    "find_usage_history",
    "fold_marked",
    "has_files",
    "insert",
    "is_file_id",
    "latest_census",
    "missing_indexes",
    "new_id",
    "open_database",
    "position_of",
    "read_all_files",
    "remember_part_sha256s",
    "restore",
    "restore_as_duplicate",
    "sum_by_status",
    "take_census",
    "take_over",
    "transition",
    "transition_many",
    "walk_on",
]
