"""Lists of folders."""

from typing import Any

import pytest

from tests.parity.apis import ApiClient

FOLDERS = ("", "a/", "a/x/", "a/x/1/", "a/x/2/", "a/y/z/", "a.b/", "a0/", "b/c/", "é/", "\U0001f600/")


async def _folders(api: ApiClient, **filters: Any) -> list[str]:
    listed = await api.folders(**filters)
    assert listed.code is None, listed.message
    assert listed.data["next"] is None
    return list(listed.data["items"])


async def test_the_direct_folders_of_a_folder_are_listed_in_order(
    api: ApiClient, stranger: ApiClient
) -> None:
    for folder in FOLDERS:
        for number in range(2):
            await api.request(name=f"{number}", size=1, folder=folder)
    assert await _folders(api) == ["a.b/", "a/", "a0/", "b/", "é/", "\U0001f600/"]
    assert await _folders(api, folder="") == await _folders(api)
    assert await _folders(api, folder="a/") == ["a/x/", "a/y/"]
    assert await _folders(api, folder="a/x/") == ["a/x/1/", "a/x/2/"]
    assert await _folders(api, folder="a/x/1/") == await _folders(api, folder="none/") == []
    assert await _folders(stranger) == []


async def test_pages_of_folders_are_those_of_the_whole_list(api: ApiClient) -> None:
    for number in range(5):
        await api.request(name="a", size=1, folder=f"a/{number}/{number}/")
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.folders(folder="a/", limit=2, **cursor)).data
        assert len(page["items"]) <= 2
        found += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == [f"a/{number}/" for number in range(5)]


async def test_a_folder_ends_with_its_last_file(api: ApiClient) -> None:
    moved = await api.request(name="a", size=1, folder="a/")
    deleted = await api.request(name="a", size=1, folder="b/")
    await api.update(moved.id, folder="c/")
    await api.delete(deleted.id)
    assert await _folders(api) == ["c/"]


@pytest.mark.parametrize("filters", [{"folder": "a"}, {"limit": 0}, {"limit": 101}, {"cursor": "a"}])
async def test_a_wrong_list_is_refused(api: ApiClient, filters: dict[str, Any]) -> None:
    assert (await api.folders(**filters)).code == "invalid_input"


async def test_a_cursor_is_for_its_folder(api: ApiClient) -> None:
    for number in range(2):
        await api.request(name="a", size=1, folder=f"a/{number}/")
    cursor = (await api.folders(folder="a/", limit=1)).data["next"]
    assert (await api.folders(folder="b/", cursor=cursor)).code == "invalid_input"
