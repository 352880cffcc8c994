"""Choose the index of a list, and the ranges of its keys that match the filters."""

from collections.abc import Mapping

from waybill.files.listing.filters import Filters, Sort, conditions_of
from waybill.files.listing.index_keys import HIGHEST, LOWEST, Edge, KeyRange, before_value

FIELDS = {Sort.CREATED_AT: "created_at", Sort.NAME: "name", Sort.SIZE: "size"}
_INDEXES = {"created_at": "newest", "name": "by_name_with_search", "size": "largest"}
_TRASH_INDEXES = {"created_at": "trash", "name": "trash_by_name", "size": "trash_largest"}
_IN_FOLDER = {"created_at": "newest_in_folder", "name": "by_name_in_folder"}
_NEWEST_WITH_SEARCH = "newest_with_search"
_BY_SEARCH = "by_search"
BY_STATUS = "newest_by_status"
BY_METADATA = "newest_by_metadata"

#: The field after the owner that has a single value in a range of an index.
PREFIX_FIELDS: Mapping[str, frozenset[str]] = {
    BY_STATUS: frozenset({"status"}),
    BY_METADATA: frozenset({"metadata"}),
    **dict.fromkeys(_IN_FOLDER.values(), frozenset({"folder"})),
}

#: The fields that an index contains in addition to the owner and the id. With an index of arrays
#: MongoDB fetches each file, so it counts as none.
INDEX_FIELDS: Mapping[str, frozenset[str]] = {
    "newest": frozenset({"created_at"}),
    _NEWEST_WITH_SEARCH: frozenset({"created_at", "name_search"}),
    "by_name_with_search": frozenset({"name", "status", "name_search"}),
    "largest": frozenset({"size", "status"}),
    BY_STATUS: frozenset({"status", "created_at"}),
    BY_METADATA: frozenset(),
    "newest_in_folder": frozenset({"folder", "created_at", "status"}),
    "by_name_in_folder": frozenset({"folder", "name", "status"}),
    "trash": frozenset({"created_at"}),
    "trash_by_name": frozenset({"name", "status"}),
    "trash_largest": frozenset({"size", "status"}),
}


def filtered_fields(filters: Filters) -> set[str]:
    """Return the fields with a condition. A list of the trash has one on the status (``IN_TRASH``)."""
    return set(conditions_of(filters)) | ({"status"} if filters.deleted else set())


def list_index(filters: Filters, sort: Sort) -> str:
    """Return the index whose order is that of the list.

    Lists of a status, a folder or a pair of metadata, by time, are the most frequent. They have indexes of
    their own; for several statuses MongoDB merges ranges. A folder has an index by name too. Other sorts have
    none, because each index slows down every insert and every change of a status. Their index ends with the
    status, so a file of another status costs a key and not a fetch.
    """
    field = FIELDS[sort]
    if filters.deleted:
        return _TRASH_INDEXES[field]
    if filters.metadata and sort is Sort.CREATED_AT:
        return BY_METADATA
    if filters.folder is not None and not filters.recursive and field in _IN_FOLDER:
        return _IN_FOLDER[field]
    if filters.statuses and sort is Sort.CREATED_AT:
        return BY_STATUS
    if (filters.name_prefix or filters.name_part) and sort is Sort.CREATED_AT:
        return _NEWEST_WITH_SEARCH
    return _INDEXES[field]


def other_indexes(filters: Filters, used: str) -> list[tuple[str, str]]:
    """Return the indexes that a filter bounds, except ``used``, each with the field of the range."""
    in_folder = "folder" if filters.recursive else "created_at"
    candidates = [(_TRASH_INDEXES if filters.deleted else _INDEXES)[field] for field in FIELDS.values()]
    ranges = dict(zip(candidates, FIELDS.values(), strict=True))
    if not filters.deleted:
        ranges |= {_BY_SEARCH: "name_search"}
        ranges |= {BY_METADATA: "created_at"} if filters.metadata else {}
        ranges |= {_IN_FOLDER["created_at"]: in_folder} if filters.folder is not None else {}
        ranges |= {BY_STATUS: "created_at"} if filters.statuses else {}
    filtered = filtered_fields(filters)
    return [
        (index, field)
        for index, field in ranges.items()
        if index != used and filtered & ({field} | PREFIX_FIELDS.get(index, frozenset()))
    ]


def key_ranges(
    owner: str, filters: Filters, index: str, field: str, edges: tuple[Edge, Edge] = (LOWEST, HIGHEST)
) -> list[KeyRange]:
    """Return the ranges of an index that match the filters, between two edges.

    One range for each status, otherwise one.
    """
    low, high = edges
    condition = conditions_of(filters).get(field, {})
    for operator, value in condition.items():
        if operator == "$gte":
            low = max(low, before_value(value))
        elif operator != "$regex":
            # `$lte`, which only sizes have, includes its bound.
            high = min(high, before_value(value + 1 if operator == "$lte" else value))
    prefixes: list[list[str | None]] = [[owner]]
    if index == BY_STATUS:
        prefixes = [[owner, status.value] for status in filters.statuses]
    elif index == BY_METADATA:
        prefixes = [[owner, filters.metadata[0]]]
    elif index in _IN_FOLDER.values() and field != "folder":
        prefixes = [[owner, filters.folder or None]]
    return [KeyRange(index, prefix, field, low, high) for prefix in prefixes]
