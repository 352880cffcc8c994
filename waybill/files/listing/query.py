"""A page of a list: in the order of an index, and with bounded work for any filter.

A page whose filters bound the index reads its own files alone. If a filter of another index matches few
files, those are sorted in memory. Otherwise the list is searched in stretches of so many keys, for a short
time: the page may be short, and tells where the search goes on.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pymongo
from bson import ObjectId

from waybill.files.listing.filters import Filters, Order, Sort, conditions_of, place
from waybill.files.listing.index_keys import (
    HIGHEST,
    LOWEST,
    Edge,
    KeyRange,
    Position,
    before,
    before_value,
    behind,
    nearest,
)
from waybill.files.model import File
from waybill.files.repository import file_of
from waybill.platform.mongo.connection import files_collection
from waybill.platform.mongo.errors import map_driver_errors


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """A page: its files, and the position after which the next page begins, or None if nothing is left.

    A page may have fewer files than were asked for, or none, and still not be the last.
    """

    files: Sequence[File]
    next_position: Position | None


#: Files that a search reads at a time, if the filters need the files themselves. Each may lie elsewhere on
#: the disk: 0.1 ms.
STRETCH_FILES = 250

#: Keys that a search reads at a time, if the keys of the index are enough for the filters: 1 µs each.
STRETCH_KEYS = 10_000

#: Seconds after which a search begins no further stretch, and returns what it has found. The most stretches.
SEARCH_SECONDS = 0.05
MAX_STRETCHES = 20

#: Files that are fetched and sorted for a page, if a filter's own index shows that no more match it.
SELECTIVE_FILES = 1000

_FIELDS = {Sort.CREATED_AT: "created_at", Sort.NAME: "name", Sort.SIZE: "size"}
_INDEXES = {"created_at": "newest", "name": "by_name", "size": "largest"}
_TRASH_INDEXES = {"created_at": "trash", "name": "trash_by_name", "size": "trash_largest"}
_BY_STATUS = "newest_by_status"

#: The fields of a file that the keys of an index hold beside its owner and its id.
_INDEX_FIELDS = {
    "newest": {"created_at"},
    "by_name": {"name", "status"},
    "largest": {"size", "status"},
    _BY_STATUS: {"status", "created_at"},
    "trash": {"created_at"},
    "trash_by_name": {"name", "status"},
    "trash_largest": {"size", "status"},
}


def position_of(file: File, sort: Sort) -> Position:
    """Return where a file stands in a list of that sort."""
    return getattr(file, _FIELDS[sort]), file.file_id


async def find_page(
    owner: str, filters: Filters, sort: Sort, order: Order, *, limit: int, after: Position | None
) -> FoundFiles:
    """Find up to ``limit`` files that come after the position ``after``. The work is bounded.

    The filters may let few files through, or none: then the page is short. It tells where to go on.

    Raises:
        ServiceUnavailable: MongoDB does not answer.
    """
    began = time.monotonic()
    filtered = _filtered(filters)
    index = _list_index(filters, sort)
    # Each of these conditions bounds the index, so what is read is on the page.
    bounds = {_FIELDS[sort]} | ({"status"} if index == _BY_STATUS else set())
    if filtered <= bounds:
        found = await _read(page_query(owner, filters, sort, order, after=after), limit)
        return _page(found, limit, sort, None)
    selective = await _selective_index(owner, filters, index)
    if selective is not None:
        query = page_query(owner, filters, sort, order, after=after, index=selective)
        return _page(await _read(query, limit), limit, sort, None)
    files: list[File] = []
    stretch = STRETCH_KEYS if filtered <= _INDEX_FIELDS[index] else STRETCH_FILES
    position = after
    for _ in range(MAX_STRETCHES):
        # Between the two queries files may come and go. The end stays: each place is in one stretch.
        until = await _stretch_end(owner, filters, sort, order, after=position, length=stretch)
        query = page_query(owner, filters, sort, order, after=position, until=until)
        files += await _read(query, limit - len(files))
        position = until
        if len(files) > limit or position is None or time.monotonic() - began > SEARCH_SECONDS:
            break
    return _page(files, limit, sort, position)


async def _read(query: Any, limit: int) -> list[File]:
    """Read one file more than the limit: it tells that there are more."""
    with map_driver_errors():
        # Without a limit MongoDB reads a whole batch, 101 files.
        found = await query.limit(limit + 1).to_list(limit + 1)
    return [file_of(document) for document in found]


def _page(found: Sequence[File], limit: int, sort: Sort, until: Position | None) -> FoundFiles:
    if len(found) > limit:
        return FoundFiles(found[:limit], position_of(found[limit - 1], sort))
    return FoundFiles(found, until)


def _filtered(filters: Filters) -> set[str]:
    """Return the fields that have a condition. A list of the trash has one on the status (``IN_TRASH``)."""
    return set(conditions_of(filters)) | ({"status"} if filters.deleted else set())


async def _selective_index(owner: str, filters: Filters, used: str) -> str | None:
    """Return the index of a filter that few files match, other than the one that is ``used`` by default."""
    filtered = _filtered(filters)
    indexes = {field: _index(filters, field) for field in ("name", "size", "created_at")}
    by_status = {"created_at": _BY_STATUS} if filters.statuses and not filters.deleted else {}
    for field, index in (indexes | by_status).items():
        if index == used or filtered.isdisjoint(_INDEX_FIELDS[index] if index == _BY_STATUS else {field}):
            continue
        ranges = _key_ranges(owner, filters, index, field)
        share = SELECTIVE_FILES // len(ranges)
        if all([await each.nth(share + 1, pymongo.ASCENDING) is None for each in ranges]):
            return index
    return None


async def _stretch_end(
    owner: str, filters: Filters, sort: Sort, order: Order, *, after: Position | None, length: int
) -> Position | None:
    """Return the position up to which the index has ``length`` keys, or None if it ends before."""
    low, high = LOWEST, HIGHEST
    if after is not None and order is Order.ASC:
        low = behind(after)
    elif after is not None:
        high = before(after)
    ranges = _key_ranges(owner, filters, _list_index(filters, sort), _FIELDS[sort], (low, high))
    ends = [await each.nth(length // len(ranges), _direction(order)) for each in ranges]
    known = [end for end in ends if end is not None]
    return nearest(known, _direction(order)) if known else None


def _key_ranges(
    owner: str, filters: Filters, index: str, field: str, edges: tuple[Edge, Edge] = (LOWEST, HIGHEST)
) -> list[KeyRange]:
    """The keys of an index between two places that the filters admit: one range for each status, or one."""
    low, high = edges
    condition = conditions_of(filters).get(field, {})
    for operator, value in condition.items():
        if operator == "$gte":
            low = max(low, before_value(value))
        else:
            # Sizes alone have a bound that is in the range.
            high = min(high, before_value(value + 1 if operator == "$lte" else value))
    prefixes = [[owner, status.value] for status in filters.statuses] if index == _BY_STATUS else [[owner]]
    return [KeyRange(index, prefix, field, low, high) for prefix in prefixes]


def _list_index(filters: Filters, sort: Sort) -> str:
    """The index in whose order a list is read.

    The files of a status, by time, are what is asked for most: they have an index of their own, and those of
    several statuses are merged from it. By name or size they have none, for each costs every insert and every
    change of a status. There the status ends the one index: files of another cost a key, not a fetch.
    """
    if sort is Sort.CREATED_AT and filters.statuses and not filters.deleted:
        return _BY_STATUS
    return _index(filters, _FIELDS[sort])


def _index(filters: Filters, field: str) -> str:
    return (_TRASH_INDEXES if filters.deleted else _INDEXES)[field]


def _direction(order: Order) -> int:
    return pymongo.ASCENDING if order is Order.ASC else pymongo.DESCENDING


def page_query(
    owner: str,
    filters: Filters,
    sort: Sort,
    order: Order,
    *,
    after: Position | None,
    until: Position | None = None,
    index: str | None = None,
) -> Any:
    """Return the driver's cursor over the files after a position, up to and with another.

    Args:
        index: What is read instead of the index that has the list's order; the files are sorted in memory.
    """
    field = _FIELDS[sort]
    query: dict[str, Any] = {**place(owner, filters), **conditions_of(filters)}
    branches = _branches(field, order, after, until)
    index = index or _list_index(filters, sort)
    if branches and index == _BY_STATUS:
        branches = [{**branch, "status": status.value} for branch in branches for status in filters.statuses]
    if branches:
        query = {"$or": [{"$and": [query, branch]} for branch in branches]}
    direction = _direction(order)
    # Chosen here, for the planner may prefer to sort in memory, and remembers its choice for other owners.
    return files_collection().find(query).sort([(field, direction), ("_id", direction)]).hint(index)


def _branches(
    field: str, order: Order, after: Position | None, until: Position | None
) -> list[dict[str, Any]]:
    """Each branch is one range of the index, and MongoDB merges them.

    A single range would start with all files of the same name or size, however many the pages before have
    shown.
    """
    beyond, within, up_to = ("$gt", "$lt", "$lte") if order is Order.ASC else ("$lt", "$gt", "$gte")
    between: dict[str, Any] = {}
    branches: list[dict[str, Any]] = []
    if after is not None and until is not None and after[0] == until[0]:
        ids = {beyond: ObjectId(after[1]), up_to: ObjectId(until[1])}
        return [{field: after[0], "_id": ids}]
    if after is not None:
        branches.append({field: after[0], "_id": {beyond: ObjectId(after[1])}})
        between[beyond] = after[0]
    if until is not None:
        branches.append({field: until[0], "_id": {up_to: ObjectId(until[1])}})
        between[within] = until[0]
    return [*branches, {field: between}] if branches else []
