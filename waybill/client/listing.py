"""Read a list of files page by page."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

from waybill.client.api import Api
from waybill.client.models import File, Page, expected_fields
from waybill.files.lifecycle import Status

#: The API's limit of files in one page.
PAGE_SIZE = 100


class Filters(TypedDict, total=False):
    """The filters and the order of a list. None disables a filter."""

    status: Sequence[Status | str]
    name: str | None
    content_type: str | None
    created_after: datetime | None
    created_before: datetime | None
    folder: str | None
    recursive: bool
    metadata: Mapping[str, str] | None
    min_size: int | None
    max_size: int | None
    deleted: bool
    sort: Literal["createdAt", "name", "size"] | None
    order: Literal["asc", "desc"] | None


#: The names of filters that the API names differently.
_PARAMETERS = {
    "content_type": "contentType",
    "created_after": "createdAfter",
    "created_before": "createdBefore",
    "min_size": "minSize",
    "max_size": "maxSize",
}


async def list_files(api: Api, filters: Filters) -> AsyncGenerator[File, None]:
    """Yield the files that match the filters."""
    query = [("limit", str(PAGE_SIZE)), *_query(filters)]
    cursor: list[tuple[str, str]] = []
    while True:
        page = Page.from_json(await api.call("GET", "/files", query=[*query, *cursor]))
        for file in page.files:
            yield file
        if page.next_cursor is None:
            return
        cursor = [("cursor", page.next_cursor)]


async def count_files(api: Api, filters: Filters) -> int | None:
    """Return how many files match the filters, or None if that takes the server too long."""
    query = [("limit", "1"), ("totalCount", "true"), *_query(filters)]
    answer = await api.call("GET", "/files", query=query)
    with expected_fields():
        count: int | None = answer["totalCount"]
        return count


def _query(filters: Filters) -> list[tuple[str, str]]:
    """Return the parameters of the API for the filters."""
    found: list[tuple[str, str]] = []
    for name, value in filters.items():
        parameter = _PARAMETERS.get(name, name)
        match value:
            case None | False:
                pass
            case Mapping():
                found += [(f"{parameter}.{key}", text) for key, text in value.items()]
            case [*several]:
                found += [(parameter, str(each)) for each in several]
            case _:
                found.append((parameter, _text(value)))
    return found


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        # RFC 3339. A time without an offset is in this machine's time zone.
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return "true" if value is True else str(value)
