"""Get: what is still there, and whose it is."""

from tests.parity.apis import ApiClient
from tests.uploads import stored


async def test_a_deleted_file_leaves_the_list_and_can_still_be_read(api: ApiClient) -> None:
    remaining, gone = [(await api.request(name=name, size=1)).id for name in ("remaining", "gone")]
    await api.delete(gone)
    assert [file["id"] for file in (await api.list()).data["items"]] == [remaining]
    assert (await api.get(gone)).data["deletedAt"] is not None


async def test_nobody_sees_another_owners_file(api: ApiClient, stranger: ApiClient) -> None:
    file = await stored(api, b"mine")
    for attempt in (stranger.get, stranger.complete, stranger.download, stranger.delete):
        assert (await attempt(file["id"])).code == "file_not_found"
    assert (await stranger.list()).data["items"] == []
    assert (await api.get(file["id"])).data == file
