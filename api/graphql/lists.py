"""The common parts of all lists: their arguments, and the page info of their connections."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import strawberry
from pydantic import BaseModel
from strawberry.relay import PageInfo

from waybill.platform.validation import parse

Listing = TypeVar("Listing", bound=BaseModel)


class Edge(Protocol):
    """An entry and its cursor."""

    cursor: str


def parse_listing(model: type[Listing], given: Mapping[str, Any]) -> Listing:
    """Return the parameters of a list. A null argument means the same as an absent one.

    Raises:
        InvalidInput: an argument is not valid.
    """
    return parse(
        model, {name: value for name, value in given.items() if value not in (None, strawberry.UNSET)}
    )


def page_info(
    edges: Sequence[Edge], after: str | None, *, has_more: bool, end: str | None = None
) -> PageInfo:
    """Return the page info of some entries.

    Args:
        after: the cursor that the page begins after. If it is given, there is a previous page.
        end: the cursor of the end of the page, if that is after its last entry.
    """
    return PageInfo(
        has_next_page=has_more,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=end or (edges[-1].cursor if edges else None),
    )
