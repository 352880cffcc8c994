"""What a change sets a field to, beside plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


def past(field: str) -> Mapping[str, Any]:
    return {field: {"$exists": True}, "$expr": {"$lte": [f"${field}", "$$NOW"]}}


#: For ``change``: the file is due by the database's clock.
DUE = past("due_at")


@dataclass(frozen=True, slots=True)
class Later:
    """A time that many seconds from now, by the database's clock: the only one that all workers share."""

    seconds: float = 0


NOW = Later()


@dataclass(frozen=True, slots=True)
class Once:
    """A value for where the field has none yet; one that is there stays."""

    value: Any


@dataclass(frozen=True, slots=True)
class Appended:
    """A list with one value more, of which the latest ``kept`` stay."""

    value: Any
    kept: int


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The first of the times ``waits`` after a field of the file that is later than ``now``; or none."""

    field: str
    waits: Sequence[timedelta]
    now: datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """As long from now as the time field ``since`` lies back, so that delays double; bounds in seconds."""

    since: str
    least: float
    most: float


def stages(changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """An update that sets and unsets fields. None removes one."""
    return [{"$set": {name: _expression(name, value) for name, value in changes.items()}}]


def _expression(name: str, value: Any) -> Any:
    match value:
        case None:
            return "$$REMOVE"
        case Later() | Backoff():
            return {"$add": ["$$NOW", _milliseconds(value)]}
        case Once(kept):
            return {"$ifNull": [f"${name}", _expression(name, kept)]}
        case Appended(added, kept):
            longer = {"$concatArrays": [{"$ifNull": [f"${name}", []]}, [{"$literal": added}]]}
            return {"$slice": [longer, -kept]}
        case Upcoming(field, waits, now):
            times = [{"$add": [f"${field}", round(wait.total_seconds() * 1000)]} for wait in waits]
            ahead = {"$filter": {"input": times, "as": "time", "cond": {"$gt": ["$$time", now]}}}
            return {"$ifNull": [{"$first": ahead}, "$$REMOVE"]}
    # A literal, for a string that starts with a dollar would be read as a field's name.
    return {"$literal": value}


def _milliseconds(delay: Later | Backoff) -> Any:
    if isinstance(delay, Later):
        return round(delay.seconds * 1000)
    passed = {"$subtract": ["$$NOW", f"${delay.since}"]}
    return {"$min": [round(delay.most * 1000), {"$max": [round(delay.least * 1000), passed]}]}
