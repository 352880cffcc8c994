"""Cursors: where something stands in a list, in a form that is opaque to clients."""

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from waybill import documents
from waybill.documents import Position, Sort
from waybill.errors import InvalidInput
from waybill.principal import is_storable
from waybill.webhooks.model import Delivery

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_INT64 = 2**63


def cursor_of(position: Position, sort: Sort) -> str:
    """Return the cursor of a position in the list of that sort, in either order.

    It is a key, not an offset: a page costs the same at any depth, and files that come or go meanwhile
    neither repeat nor hide others.
    """
    value, file_id = position
    if isinstance(value, datetime):
        # Without its sort, as it was when there was no other.
        return _written([(value - _EPOCH) // _MILLISECOND, file_id])
    return _written([sort, value, file_id])


def position_of(cursor: str, sort: Sort) -> Position:
    """The position that a cursor stands for.

    Raises:
        InvalidInput: it is not a cursor of ours, or one of a list of another sort.
    """
    try:
        position = _position(_read(cursor), sort)
    except OverflowError:
        position = None
    if position is None:
        raise InvalidInput(
            {"cursor": "is not a cursor of this list; use the last page's, with the same sort"}
        )
    return position


def delivery_cursor_of(delivery: Delivery) -> str:
    """Where a delivery stands in the list of its webhook."""
    return _written([(delivery.created_at - _EPOCH) // _MILLISECOND, delivery.id])


def delivery_position_of(cursor: str) -> tuple[datetime, str]:
    """The time and the id that a cursor stands for. Raises as ``position_of`` does."""
    try:
        match _read(cursor):
            case [int(milliseconds), str(delivery_id)] if is_storable(delivery_id):
                return _EPOCH + milliseconds * _MILLISECOND, delivery_id
    except OverflowError:
        pass
    raise InvalidInput({"cursor": "is not a cursor of this list; use the last page's"})


def _written(key: list[Any]) -> str:
    text = json.dumps(key, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read(cursor: str) -> Any:
    """What a cursor holds; None where it is none."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        return None


def _position(key: object, sort: Sort) -> Position | None:
    match sort, key:
        case _, [*_, True | False, _]:
            # A bool is an int in Python.
            return None
        case Sort.CREATED_AT, [int(milliseconds), str(file_id)]:
            value: datetime | str | int = _EPOCH + milliseconds * _MILLISECOND
        case Sort.NAME, [Sort.NAME.value, str(name), str(file_id)] if is_storable(name):
            value = name
        case Sort.SIZE, [Sort.SIZE.value, int(size), str(file_id)] if -_INT64 <= size < _INT64:
            value = size
        case _:
            return None
    return (value, file_id) if documents.is_file_id(file_id) else None
