"""Read a page of a list: in the order of an index, and with bounded work for any filter.

If the filters bound the index, only the files of the page are read. If a filter of another index matches few
files, those are sorted in memory. Otherwise the list is searched in stretches of a fixed number of keys, for
a short time. Then the page may be short, and its cursor continues the search.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pymongo
from bson import ObjectId

from waybill.files.listing.filters import Filters, Order, Sort, conditions_of, place
from waybill.files.listing.index_choice import (
    BY_METADATA,
    BY_STATUS,
    FIELDS,
    INDEX_FIELDS,
    PREFIX_FIELDS,
    filtered_fields,
    key_ranges,
    list_index,
    other_indexes,
)
from waybill.files.listing.index_keys import (
    HIGHEST,
    LOWEST,
    KeyRange,
    Position,
    after_position,
    before_position,
    nearest,
)
from waybill.files.model import File
from waybill.files.repository import file_of
from waybill.platform.mongo.connection import files_collection
from waybill.platform.mongo.errors import map_driver_errors


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """A page: its files, and the position after which the next page begins, or None on the last page.

    A page may have fewer files than requested, or none, and still not be the last.
    """

    files: Sequence[File]
    next_position: Position | None


#: Files that a search reads at a time, if the filters need the files themselves. Each may be elsewhere on the
#: disk, which takes 0.1 ms.
STRETCH_FILES = 250

#: Keys that a search reads at a time, if the index contains all filtered fields. A key takes 1 µs.
STRETCH_KEYS = 10_000

#: The most seconds until a search begins its last stretch, and the most stretches.
SEARCH_SECONDS = 0.05
MAX_STRETCHES = 20

#: Files that are fetched and sorted for a page, if a filter's own index shows that no more match it.
SELECTIVE_FILES = 1000


def position_of(file: File, sort: Sort) -> Position:
    """Return the position of a file in a list of that sort."""
    return getattr(file, FIELDS[sort]), file.file_id


async def find_page(
    owner: str, filters: Filters, sort: Sort, order: Order, *, limit: int, after: Position | None
) -> FoundFiles:
    """Find up to ``limit`` files after the position ``after``, with bounded work.

    If the filters match few of the files that it reads, the page is short, and not the last.

    Raises:
        ServiceUnavailable: MongoDB does not answer.
    """
    began = time.monotonic()
    filters = await _rarest_first(owner, filters)
    filtered = filtered_fields(filters)
    index = list_index(filters, sort)
    # Conditions on these fields bound the index, so every file that is read is on the page.
    bounds = {FIELDS[sort]} | PREFIX_FIELDS.get(index, frozenset())
    if filtered <= bounds:
        found = await _read(page_query(owner, filters, sort, order, after=after), limit)
        return _page(found, limit, sort, None)
    selective = await _selective_index(owner, filters, index)
    if selective is not None:
        query = page_query(owner, filters, sort, order, after=after, index=selective)
        return _page(await _read(query, limit), limit, sort, None)
    files: list[File] = []
    stretch = STRETCH_KEYS if filtered <= INDEX_FIELDS[index] else STRETCH_FILES
    position = after
    for _ in range(MAX_STRETCHES):
        # Files may be added and removed between the two queries. Each place is in exactly one stretch.
        until = await _stretch_end(owner, filters, sort, order, after=position, length=stretch)
        query = page_query(owner, filters, sort, order, after=position, until=until)
        files += await _read(query, limit - len(files))
        position = until
        if len(files) > limit or position is None or time.monotonic() - began > SEARCH_SECONDS:
            break
    return _page(files, limit, sort, position)


async def _read(query: Any, limit: int) -> list[File]:
    """Return up to one file more than the limit, which shows that there is a next page."""
    with map_driver_errors():
        # Without a limit MongoDB reads a whole batch, 101 files.
        found = await query.limit(limit + 1).to_list(limit + 1)
    return [file_of(document) for document in found]


def _page(found: Sequence[File], limit: int, sort: Sort, until: Position | None) -> FoundFiles:
    if len(found) > limit:
        return FoundFiles(found[:limit], position_of(found[limit - 1], sort))
    return FoundFiles(found, until)


async def _selective_index(owner: str, filters: Filters, used: str) -> str | None:
    """Return an index other than ``used`` whose filter matches few files, or None."""
    for index, field in other_indexes(filters, used):
        if await _is_selective(key_ranges(owner, filters, index, field)):
            return index
    return None


async def _is_selective(ranges: Sequence[KeyRange]) -> bool:
    share = SELECTIVE_FILES // len(ranges)
    return not any([await each.has_more_than(share) for each in ranges])


async def _rarest_first(owner: str, filters: Filters) -> Filters:
    """Return the filters with a pair of metadata first that few files have, if there is such a pair."""
    pairs = filters.metadata
    if filters.deleted or len(pairs) < 2:
        return filters
    for pair in pairs:
        alone = replace(filters, metadata=(pair,))
        if await _is_selective(key_ranges(owner, alone, BY_METADATA, "created_at")):
            return replace(filters, metadata=(pair, *(each for each in pairs if each != pair)))
    return filters


async def _stretch_end(
    owner: str, filters: Filters, sort: Sort, order: Order, *, after: Position | None, length: int
) -> Position | None:
    """Return the position up to which the index has ``length`` keys, or None if it ends before."""
    low, high = LOWEST, HIGHEST
    if after is not None and order is Order.ASC:
        low = after_position(after)
    elif after is not None:
        high = before_position(after)
    if list_index(filters, sort) == BY_METADATA:
        # MongoDB cannot read an index of arrays in its order by the keys alone.
        pair = replace(
            Filters(metadata=filters.metadata[:1]),
            created_after=filters.created_after,
            created_before=filters.created_before,
        )
        last = await _read(page_query(owner, pair, sort, order, after=after).skip(length - 1), 0)
        return position_of(last[0], sort) if last else None
    ranges = key_ranges(owner, filters, list_index(filters, sort), FIELDS[sort], (low, high))
    ends = [await each.nth(length // len(ranges), _direction(order)) for each in ranges]
    known = [end for end in ends if end is not None]
    return nearest(known, _direction(order)) if known else None


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
    """Return the driver's cursor over the files after one position, up to and including another.

    Args:
        index: The index to read instead of the one in the list's order. MongoDB then sorts in memory.
    """
    field = FIELDS[sort]
    query: dict[str, Any] = {**place(owner, filters), **conditions_of(filters)}
    branches = _branches(field, order, after, until)
    index = index or list_index(filters, sort)
    if branches and index == BY_STATUS:
        branches = [{**branch, "status": status.value} for branch in branches for status in filters.statuses]
    if branches:
        query = {"$or": [{"$and": [query, branch]} for branch in branches]}
    direction = _direction(order)
    # With a hint, because the planner may prefer to sort in memory, and caches its choice for other owners.
    return files_collection().find(query).sort([(field, direction), ("_id", direction)]).hint(index)


def _branches(
    field: str, order: Order, after: Position | None, until: Position | None
) -> list[dict[str, Any]]:
    """Return conditions that are one range of the index each. MongoDB merges the ranges.

    A single range would begin with all files of the same name or size, also those of earlier pages.
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
