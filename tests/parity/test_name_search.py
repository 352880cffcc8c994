"""Searches of names: in any case, and in one normal form."""

from typing import Any

import pytest

from tests.parity.apis import ApiClient

COMPOSED, DECOMPOSED = "R\u00e9sum\u00e9 Stra\u00dfe.PDF", "Re\u0301sume\u0301 2.pdf"


async def _names(api: ApiClient, **filters: Any) -> list[str]:
    listed = await api.list(order="asc", **filters)
    assert listed.code is None, listed.message
    return [file["name"] for file in listed.data["items"]]


async def test_names_are_found_in_any_case_and_form_and_returned_as_sent(api: ApiClient) -> None:
    for name in (COMPOSED, DECOMPOSED, "Resume.txt"):
        await api.request(name=name, size=1)
    for prefix in ("r\u00c9s", "R\u00e9S", "Re\u0301s", "rE\u0301S"):
        assert await _names(api, name=prefix) == [COMPOSED, DECOMPOSED]
    assert await _names(api, name="res") == ["Resume.txt"]
    assert await _names(api, q="SUM\u00c9") == await _names(api, q="sume\u0301") == [COMPOSED, DECOMPOSED]
    assert await _names(api, q="STRASSE.p") == [COMPOSED]
    assert await _names(api, q=".Pdf") == [COMPOSED, DECOMPOSED]
    assert await _names(api, q="2", name="r") == [DECOMPOSED]
    assert await _names(api, q="pdf", name="s") == []


async def test_a_part_of_a_name_is_no_pattern(api: ApiClient) -> None:
    for name in ("a.b", "axb", "a+(b)"):
        await api.request(name=name, size=1)
    assert await _names(api, q="a.b") == ["a.b"]
    assert await _names(api, q="+(") == ["a+(b)"]
    assert await _names(api, q="^a") == []


async def test_a_search_follows_an_update(api: ApiClient) -> None:
    file_id = (await api.request(name="First", size=1)).id
    await api.update(file_id, name="SECOND")
    assert await _names(api, q="irs") == []
    assert await _names(api, q="eco") == await _names(api, name="sec") == ["SECOND"]


async def test_the_trash_is_searched_too(api: ApiClient) -> None:
    assert (await api.list(deleted=True, q="a", name="b")).data["items"] == []


@pytest.mark.parametrize("field", ["q", "name"])
async def test_a_search_for_what_no_name_can_hold_is_refused(api: ApiClient, field: str) -> None:
    filters: dict[str, Any] = {field: "a\0b"}
    refused = await api.list(**filters)
    assert refused.code == "invalid_input"
    assert field in refused.message
