"""Update expressions: values that MongoDB computes when it changes a document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


def past(field: str) -> Mapping[str, Any]:
    """Return the condition that the time ``field`` has passed, by the database's clock."""
    return {field: {"$exists": True}, "$expr": {"$lte": [f"${field}", "$$NOW"]}}


#: Condition: the document is due, by the database's clock.
DUE = past("due_at")


@dataclass(frozen=True, slots=True)
class InSeconds:
    """The time ``seconds`` from now, by the database's clock, which all workers share."""

    seconds: float = 0


NOW = InSeconds()


@dataclass(frozen=True, slots=True)
class IfMissing:
    """``value`` if the field is missing, otherwise the value that it has."""

    value: Any


@dataclass(frozen=True, slots=True)
class Appended:
    """A list with ``value`` appended, and cut to its latest ``max_length`` values."""

    value: Any
    max_length: int


@dataclass(frozen=True, slots=True)
class NextTime:
    """The first time after ``now`` among the times ``waits`` after the time ``field``, or None."""

    field: str
    waits: Sequence[timedelta]
    now: datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """As long from now as the time ``since`` is ago, so that delays double.

    Between ``least`` and ``most`` seconds.
    """

    since: str
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Rebased:
    """A path that begins with ``base``, with ``to`` in its place. An empty result removes the field."""

    base: str
    to: str


def stages(changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an update that sets and unsets fields. None removes a field."""
    return [{"$set": {name: _expression(name, value) for name, value in changes.items()}}]


def _expression(name: str, value: Any) -> Any:
    match value:
        case InSeconds() | Backoff():
            return {"$add": ["$$NOW", _milliseconds(value)]}
        case IfMissing(initial):
            return {"$ifNull": [f"${name}", _expression(name, initial)]}
        case Appended(added, max_length):
            longer = {"$concatArrays": [{"$ifNull": [f"${name}", []]}, [{"$literal": added}]]}
            return {"$slice": [longer, -max_length]}
        case NextTime(field, waits, now):
            times = [{"$add": [f"${field}", round(wait.total_seconds() * 1000)]} for wait in waits]
            ahead = {"$filter": {"input": times, "as": "time", "cond": {"$gt": ["$$time", now]}}}
            return {"$ifNull": [{"$first": ahead}, "$$REMOVE"]}
        case Rebased(base, to):
            rest = {"$substrBytes": [f"${name}", len(base.encode()), -1]}
            path = {"$concat": [{"$literal": to}, rest]}
            return {"$cond": [{"$eq": [path, ""]}, "$$REMOVE", path]}
    # A literal, because MongoDB would read a string that starts with a dollar as the name of a field.
    return "$$REMOVE" if value is None else {"$literal": value}


def _milliseconds(delay: InSeconds | Backoff) -> Any:
    if isinstance(delay, InSeconds):
        return round(delay.seconds * 1000)
    passed = {"$subtract": ["$$NOW", f"${delay.since}"]}
    return {"$min": [round(delay.most * 1000), {"$max": [round(delay.least * 1000), passed]}]}
