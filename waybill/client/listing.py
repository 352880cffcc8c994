"""Read a list page after page."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime

from waybill.client.api import Api
from waybill.client.models import File, Page
from waybill.files.lifecycle import Status

#: Files of a list that are asked for at once; the API gives no more.
PAGE = 100


async def list_files(
    api: Api,
    status: Sequence[Status | str],
    filters: Mapping[str, str | int | datetime | None],
) -> AsyncGenerator[File, None]:
    """Yield the files that the filters of the API admit; those that are None are left out."""
    query = [(key, _text(value)) for key, value in filters.items() if value is not None]
    query += [("limit", str(PAGE)), *(("status", str(each)) for each in status)]
    cursor: list[tuple[str, str]] = []
    while True:
        page = Page.of(await api.call("GET", "/files", query=[*query, *cursor]))
        for file in page.files:
            yield file
        if page.next_cursor is None:
            return
        cursor = [("cursor", page.next_cursor)]


def _text(value: str | int | datetime) -> str:
    if isinstance(value, datetime):
        # RFC 3339. A time without an offset is of this machine's clock.
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)
