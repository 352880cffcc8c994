"""Keyset cursors: the position of a file in a list, opaque to clients."""

from datetime import datetime

from waybill.files import repository
from waybill.files.listing.filters import Sort
from waybill.files.listing.index_keys import Position
from waybill.platform.cursor import EPOCH, MILLISECOND, decode_cursor, encode_cursor
from waybill.platform.errors import InvalidInput
from waybill.platform.principal import is_storable

_INT64 = 2**63


def cursor_of(position: Position, sort: Sort) -> str:
    """Return the cursor of a position in the list of that sort, in either order.

    It is a key, not an offset: a page costs the same at any depth. Files that are added or removed meanwhile
    neither repeat nor hide other files.
    """
    value, file_id = position
    if isinstance(value, datetime):
        # Without its sort, because older releases had no other sort.
        return encode_cursor([(value - EPOCH) // MILLISECOND, file_id])
    return encode_cursor([sort, value, file_id])


def position_of(cursor: str, sort: Sort) -> Position:
    """Return the position that a cursor encodes.

    Raises:
        InvalidInput: it is not a cursor of ours, or one of a list of another sort.
    """
    try:
        position = _position(decode_cursor(cursor), sort)
    except OverflowError:
        position = None
    if position is None:
        raise InvalidInput(
            {"cursor": "is not a cursor of this list; use the last page's, with the same sort"}
        )
    return position


def _position(key: object, sort: Sort) -> Position | None:
    match sort, key:
        case _, [*_, True | False, _]:
            # A bool is an int in Python.
            return None
        case Sort.CREATED_AT, [int(milliseconds), str(file_id)]:
            value: datetime | str | int = EPOCH + milliseconds * MILLISECOND
        case Sort.NAME, [Sort.NAME.value, str(name), str(file_id)] if is_storable(name):
            value = name
        case Sort.SIZE, [Sort.SIZE.value, int(size), str(file_id)] if -_INT64 <= size < _INT64:
            value = size
        case _:
            return None
    return (value, file_id) if repository.is_file_id(file_id) else None
