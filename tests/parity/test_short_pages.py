"""A list that is too long to be searched in one request."""

from typing import Any

import pytest

from tests.haystack import NEEDLE_TYPE, NEEDLES, add_haystack
from tests.parity.apis import ApiClient
from tests.service import Service


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_page_may_be_short_and_is_the_last_only_at_the_end(
    api: ApiClient, service: Service, owner: str, order: str
) -> None:
    add_haystack(service, owner)
    filters: dict[str, Any] = {"contentType": NEEDLE_TYPE, "order": order, "limit": 3}
    page = (await api.list(**filters)).data
    expected = list(NEEDLES) if order == "desc" else list(NEEDLES)[::-1]
    assert len(page["items"]) < len(NEEDLES)
    assert page["next"] is not None
    names = [file["name"] for file in page["items"]]
    while page["next"] is not None:
        page = (await api.list(**filters, cursor=page["next"])).data
        names += [file["name"] for file in page["items"]]
    assert names == expected


async def test_an_empty_page_tells_where_to_go_on(api: ApiClient, service: Service, owner: str) -> None:
    add_haystack(service, owner)
    page = (await api.list(contentType="image/*")).data
    assert page["items"] == []
    assert page["next"] is not None
    while page["next"] is not None:
        page = (await api.list(contentType="image/*", cursor=page["next"])).data
        assert page["items"] == []
