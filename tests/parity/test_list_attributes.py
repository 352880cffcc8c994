"""Lists of a folder, and of files with some metadata."""

from typing import Any

import pytest

from tests.parity.apis import ApiClient

FILES: dict[str, dict[str, Any]] = {
    "top": {},
    "a": {"folder": "a/", "metadata": {"album": "1", "b": "x"}},
    "ab": {"folder": "a/b/", "metadata": {"album": "1", "b": "y=z & ü"}},
    "a0": {"folder": "a0/", "metadata": {"album": "2"}},
    "aa": {"folder": "aa/"},
}


async def _names(api: ApiClient, **filters: Any) -> list[str]:
    listed = await api.list(**filters)
    assert listed.code is None, listed.message
    return [file["name"] for file in listed.data["items"]]


@pytest.mark.parametrize("sort", ["createdAt", "name", "size"])
async def test_filters_by_folder_and_metadata(api: ApiClient, sort: str) -> None:
    for number, (name, attributes) in enumerate(FILES.items()):
        await api.request(name=name, size=number, **attributes)

    async def names(**filters: Any) -> set[str]:
        return set(await _names(api, sort=sort, **filters))

    assert await names(folder="a/") == {"a"}
    assert await names(folder="a/", recursive=True) == {"a", "ab"}
    assert await names(folder="") == {"top"}
    assert await names(folder="", recursive=True) == await names(recursive=True) == set(FILES)
    assert await names(folder="none/") == await names(folder="none/", recursive=True) == set()
    assert await names(metadata={"album": "1"}) == {"a", "ab"}
    assert await names(metadata={"album": "1", "b": "x"}) == {"a"}
    assert await names(metadata={"b": "y=z & ü"}) == {"ab"}
    assert await names(metadata={"album": ""}) == await names(metadata={"b": "y"}) == set()
    assert await names(metadata={"album": "1"}, folder="a/", recursive=True, name="ab") == {"ab"}
    assert await names(metadata={"album": "2"}, folder="a/", recursive=True) == set()


async def test_a_list_follows_an_update(api: ApiClient) -> None:
    file_id = (await api.request(name="a", size=1, **FILES["a"])).id
    await api.update(file_id, folder="b/", metadata={"album": "3"})
    assert await _names(api, folder="a/") == await _names(api, metadata={"album": "1"}) == []
    assert await _names(api, folder="b/", metadata={"album": "3", "b": "x"}) == ["a"]


async def test_the_trash_has_the_same_filters(api: ApiClient) -> None:
    for name, attributes in FILES.items():
        await api.delete((await api.request(name=name, size=1, **attributes)).id)
    listed = await api.list(deleted=True, folder="a/", recursive=True, metadata={"album": "1", "b": "x"})
    assert listed.code is None


async def test_pages_of_a_folder_and_their_count(api: ApiClient) -> None:
    for number in range(5):
        await api.request(name=f"{number}", size=1, folder="a/", metadata={"k": "v"})
        await api.request(name=f"{number}", size=1)
    for filters in ({"folder": "a/"}, {"metadata": {"k": "v"}}, {"folder": "a/", "recursive": True}):
        names: list[str] = []
        cursor: dict[str, Any] = {}
        while True:
            page = (await api.list(sort="name", limit=2, totalCount=True, **filters, **cursor)).data
            assert page["total"] == 5
            names += [file["name"] for file in page["items"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert names == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("folder", "a"), ("folder", "/"), ("metadata", {"A": "1"}), ("metadata", {"a": "1" * 513})],
)
async def test_a_wrong_filter_is_refused(api: ApiClient, field: str, value: Any) -> None:
    refused = await api.list(**{field: value})
    assert refused.code == "invalid_input"
    assert field in refused.message
