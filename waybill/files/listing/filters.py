"""Filters of an owner's files, and the count of the files that match."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pymongo.errors import ExecutionTimeout

from waybill.files.lifecycle import Status
from waybill.files.model import TRASH
from waybill.files.name_search import search_form
from waybill.files.transitions import IN_TRASH
from waybill.files.usage.repository import count_by_status
from waybill.platform.mongo.connection import files_collection
from waybill.platform.mongo.errors import map_driver_errors

#: The most files that a count looks at, and the most milliseconds of each of its two steps. If there are more
#: files, or MongoDB is too busy, there is no count.
MAX_COUNTED_FILES = 50_000
COUNT_TIMEOUT_MS = 50

_LAST_CODE_POINT = 0x10FFFF
_MILLISECOND = timedelta(milliseconds=1)


class Sort(StrEnum):
    """The field that files are sorted by, and their ids after it."""

    CREATED_AT = "createdAt"
    NAME = "name"
    SIZE = "size"


class Order(StrEnum):
    """The direction of the sort."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on files. A condition that is not given matches all files.

    Names begin with ``name_prefix`` and contain ``name_part``, in any case. ``content_type`` is a type such
    as `image/png` or a family such as `image/*`. Files are created at ``created_after`` or later and before
    ``created_before``, and have ``min_size`` to ``max_size`` bytes. With ``deleted`` they are in the trash,
    from which they can be restored; otherwise none is deleted. They are in ``folder``, or with ``recursive``
    in a folder below it too. They have all pairs of ``metadata``, in the stored form. An index finds the
    first pair.
    """

    statuses: frozenset[Status] = frozenset()
    name_prefix: str | None = None
    name_part: str | None = None
    content_type: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    min_size: int | None = None
    max_size: int | None = None
    deleted: bool = False
    folder: str | None = None
    recursive: bool = False
    metadata: tuple[str, ...] = ()


#: The indexes that a count reads, the narrowest first.
_INDEXES = {"name_search": "by_search", "size": "largest", "created_at": "newest"}


async def count_files(owner: str, filters: Filters) -> int | None:
    """Return how many files match, over all pages, or None if counting them takes too much work.

    Filters by status alone use the stored sums. Others use an index, if it leaves few enough files.
    """
    if filters == Filters(statuses=filters.statuses):
        return await count_by_status(owner, filters.statuses)
    narrowed, query, index = count_query(owner, filters)
    files = files_collection()
    with map_driver_errors():
        try:
            for each in (narrowed, query):
                count: int = await files.count_documents(
                    each, hint=index, limit=MAX_COUNTED_FILES + 1, maxTimeMS=COUNT_TIMEOUT_MS
                )
                if count > MAX_COUNTED_FILES:
                    return None
        except ExecutionTimeout:
            return None
    return count


def count_query(owner: str, filters: Filters) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return a range of an index that holds all files to count, the files to count, and the index.

    A count by status, name or size reads the index alone. By time and in the trash it fetches the files.
    """
    if filters.deleted:
        return {"owner": owner, **TRASH}, {**place(owner, filters), **conditions_of(filters)}, "trash"
    conditions = conditions_of(filters)
    for field, index in (("metadata", "newest_by_metadata"), ("folder", "newest_in_folder")):
        if field in conditions:
            mine = place(owner, filters)
            return {**mine, field: conditions[field]}, {**mine, **conditions}, index
    narrowing = next((field for field in _INDEXES if field in conditions), "size")
    mine = place(owner, filters)
    narrowed = {name: value for name, value in conditions.items() if name == narrowing}
    return {**mine, **narrowed}, {**mine, **conditions}, _INDEXES[narrowing]


def place(owner: str, filters: Filters) -> dict[str, Any]:
    """Return the condition that a file is this owner's, and in the trash or not."""
    return {"owner": owner, "$and": [IN_TRASH]} if filters.deleted else {"owner": owner, "deleted_at": None}


def conditions_of(filters: Filters) -> dict[str, Any]:
    """Return the conditions of the given filters, by field."""
    given: dict[str, Any] = {}
    if filters.statuses:
        given["status"] = {"$in": [status.value for status in filters.statuses]}
    if filters.name_prefix:
        given["name_search"] = _beginning_with(search_form(filters.name_prefix))
    if filters.name_part:
        part = {"$regex": re.escape(search_form(filters.name_part))}
        given["name_search"] = given.get("name_search", {}) | part
    if filters.content_type is not None:
        given["content_type"] = _of_type(filters.content_type)
    if filters.folder is not None and not filters.recursive:
        # Not null, because for null MongoDB reads two ranges: missing values, and undefined.
        given["folder"] = filters.folder or {"$exists": False}
    elif filters.folder is not None:
        given["folder"] = _beginning_with(filters.folder)
    if filters.metadata:
        given["metadata"] = filters.metadata[0]
    if len(filters.metadata) > 1:
        # As an expression, so that the planner cannot choose one of these for the index.
        others = {"$literal": filters.metadata[1:]}
        given["$expr"] = {"$setIsSubset": [others, {"$ifNull": ["$metadata", []]}]}
    created: dict[str, Any] = {"$gte": _whole(filters.created_after), "$lt": _whole(filters.created_before)}
    size: dict[str, Any] = {"$gte": filters.min_size, "$lte": filters.max_size}
    for field, bounds in (("created_at", created), ("size", size)):
        given_bounds = {operator: bound for operator, bound in bounds.items() if bound is not None}
        if given_bounds:
            given[field] = given_bounds
    return given


def _beginning_with(prefix: str) -> dict[str, str]:
    """Return a condition for texts with a prefix. It is a range, which bounds an index for any prefix."""
    stem = prefix.rstrip(chr(_LAST_CODE_POINT))
    if not stem:
        return {"$gte": prefix}
    following = ord(stem[-1]) + 1
    # Skip the surrogates: they are not characters and cannot be sent.
    return {"$gte": prefix, "$lt": stem[:-1] + chr(0xE000 if following == 0xD800 else following)}


def _of_type(content_type: str) -> dict[str, str]:
    """Return a condition for a media type, without regard to parameters and case (RFC 9110, 8.3.1)."""
    family = content_type.removesuffix("*")
    rest = "" if family != content_type else " *(;|$)"
    return {"$regex": f"^{re.escape(family)}{rest}", "$options": "i"}


def _whole(time: datetime | None) -> datetime | None:
    """Return a time rounded up to a millisecond. MongoDB would round it down."""
    if time is None or not time.microsecond % 1000:
        return time
    try:
        return time + _MILLISECOND - timedelta(microseconds=time.microsecond % 1000)
    except OverflowError:
        return time
