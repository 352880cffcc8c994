"""Get: what is still there, and whose it is."""

from tests.parity.faces import Face
from tests.uploads import stored


async def test_a_deleted_file_leaves_the_list_and_can_still_be_read(face: Face) -> None:
    remaining, gone = [(await face.request(name=name, size=1)).id for name in ("remaining", "gone")]
    await face.delete(gone)
    assert [file["id"] for file in (await face.list()).data["items"]] == [remaining]
    assert (await face.get(gone)).data["deletedAt"] is not None


async def test_nobody_sees_another_owners_file(face: Face, stranger: Face) -> None:
    file = await stored(face, b"mine")
    for attempt in (stranger.get, stranger.complete, stranger.download, stranger.delete):
        assert (await attempt(file["id"])).code == "file_not_found"
    assert (await stranger.list()).data["items"] == []
    assert (await face.get(file["id"])).data == file
