"""Positions in an index, read from its keys alone: no document is fetched.

``min`` and ``max`` bound a scan by whole keys. Unlike a query they need not repeat the condition of a partial
index, which MongoDB would check on each document: a count of a thousand keys takes a millisecond.
Source: MongoDB Manual, "cursor.min()", "cursor.max()" and "Covered Query".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymongo
from bson import ObjectId
from bson.max_key import MaxKey
from bson.min_key import MinKey

from waybill.files.model import File
from waybill.platform.mongo.connection import files_collection
from waybill.platform.mongo.errors import map_driver_errors

#: The position of a file in a list: the value that the list is sorted by, and the file's id.
Position = tuple[datetime | str | int, str]

#: A place between two positions. The first number is -1 for the lowest place, 1 for the highest, and 0 for
#: one at a value. The last is an id as a number, or -1 for the place before all ids.
Edge = tuple[int, Any, int]

LOWEST: Edge = (-1, None, -1)
HIGHEST: Edge = (1, None, -1)

_KEYS: Mapping[str, Mapping[str, int]] = {
    index.document["name"]: dict(index.document["key"]) for index in File.Settings.indexes
}
_IDS = 2**96


def before_value(value: datetime | str | int) -> Edge:
    """Return the place before all files with a value."""
    return (0, value, -1)


def before_position(position: Position) -> Edge:
    """Return the place before a position."""
    value, file_id = position
    return (0, value, int(file_id, 16))


def after_position(position: Position) -> Edge:
    """Return the place after a position."""
    value, file_id = position
    return (0, value, int(file_id, 16) + 1)


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The keys of an index that begin with ``prefix``, between two places.

    ``field`` and `_id` follow in the index. ``low`` and ``high`` are places in their ascending order. If
    other keys are between the two, the places must be before values, not at an id.
    """

    index: str
    prefix: Sequence[str | None]
    field: str
    low: Edge
    high: Edge

    async def nth(self, number: int, direction: int) -> Position | None:
        """Return the position of a key by its number, or None if there are fewer keys.

        Args:
            number: Which key; the first is 1.
            direction: ``pymongo.ASCENDING`` to count from ``low``, ``pymongo.DESCENDING`` from ``high``.

        Raises:
            ServiceUnavailable: MongoDB does not answer.
        """
        if self.low >= self.high:
            # MongoDB refuses an empty range.
            return None
        keys = _KEYS[self.index]
        stored = keys[self.field]
        query = (
            self._between()
            .sort([(key, side * stored * direction) for key, side in keys.items()])
            .skip(number - 1)
            .limit(1)
        )
        with map_driver_errors():
            found = await query.to_list(1)
        return (found[0][self.field], str(found[0]["_id"])) if found else None

    async def has_more_than(self, number: int) -> bool:
        """Return whether there are more than ``number`` keys. Raises ServiceUnavailable."""
        if self.low >= self.high:
            return False
        # Unsorted, because with an index of arrays MongoDB would sort the files in memory.
        found = self._between().skip(number).limit(1)
        with map_driver_errors():
            return bool(await found.to_list(1))

    def _between(self) -> Any:
        first, end = self.low, self.high
        if _KEYS[self.index][self.field] < 0:
            # A descending index begins with the last position before ``high``, and ends before the last
            # position before ``low``.
            first, end = _previous(end), _previous(first)
        query = files_collection().find({}, {self.field: 1, "_id": 1})
        return query.min(self._key(first)).max(self._key(end)).hint(self.index)

    def _key(self, edge: Edge) -> list[tuple[str, Any]]:
        kind, value, number = edge
        given: dict[str, Any] = dict(zip(_KEYS[self.index], self.prefix, strict=False))
        given[self.field] = MinKey() if kind < 0 else MaxKey() if kind > 0 else value
        given["_id"] = _id(number)
        # An edge without an id is before all keys of its value, in either direction of the keys that follow.
        first = {1: MinKey(), -1: MaxKey()}
        return [(key, given.get(key, first[side])) for key, side in _KEYS[self.index].items()]


def _previous(edge: Edge) -> Edge:
    kind, value, number = edge
    return (kind, value, max(number - 1, -1))


def _id(number: int) -> Any:
    return MinKey() if number < 0 else MaxKey() if number >= _IDS else ObjectId(f"{number:024x}")


def nearest(positions: Sequence[Position], direction: int) -> Position:
    """Return the position that a scan in that direction reaches first."""
    return min(positions) if direction == pymongo.ASCENDING else max(positions)
