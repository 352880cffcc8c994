"""Get and list."""

from tests.parity.faces import Face
from tests.uploads import stored


async def make(face: Face, count: int) -> list[str]:
    return [(await face.request(name=f"file-{number}", size=1)).id for number in range(count)]


async def test_pages_hold_each_file_once_newest_first(face: Face) -> None:
    ids = await make(face, 7)
    seen: list[str] = []
    cursor = None
    while True:
        page = (await face.list(limit=3, **({} if cursor is None else {"cursor": cursor}))).data
        seen += [file["id"] for file in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ids[::-1]


async def test_a_page_that_is_exactly_full_is_the_last(face: Face) -> None:
    await make(face, 3)
    page = (await face.list(limit=3)).data
    assert len(page["items"]) == 3
    assert page["next"] is None


async def test_files_that_come_meanwhile_do_not_move_the_pages(face: Face) -> None:
    ids = await make(face, 4)
    first = (await face.list(limit=2)).data
    await make(face, 3)
    second = (await face.list(limit=2, cursor=first["next"])).data
    assert [file["id"] for file in first["items"] + second["items"]] == ids[::-1]


async def test_the_list_filters_by_status(face: Face) -> None:
    await make(face, 2)
    completed = await stored(face, b"done")
    assert (await face.list(status=["COMPLETED"])).data["items"] == [completed]
    both = (await face.list(status=["COMPLETED", "PENDING"])).data["items"]
    assert len(both) == 3
    assert (await face.list(status=["FAILED"])).data["items"] == []


async def test_the_list_filters_by_the_beginning_of_the_name(face: Face) -> None:
    for name in ("report-1.pdf", "report-2.pdf", "Report.pdf", "my report"):
        await face.request(name=name, size=1)
    found = (await face.list(name="report")).data["items"]
    assert [file["name"] for file in found] == ["report-2.pdf", "report-1.pdf"]
    assert (await face.list(name="report.*")).data["items"] == []


async def test_a_deleted_file_leaves_the_list_and_can_still_be_read(face: Face) -> None:
    kept, gone = await make(face, 2)
    await face.delete(gone)
    assert [file["id"] for file in (await face.list()).data["items"]] == [kept]
    assert (await face.get(gone)).data["deletedAt"] is not None


async def test_nobody_sees_another_owners_file(face: Face, stranger: Face) -> None:
    file = await stored(face, b"mine")
    for attempt in (stranger.get, stranger.complete, stranger.download, stranger.delete):
        assert (await attempt(file["id"])).code == "file_not_found"
    assert (await stranger.list()).data["items"] == []
    assert (await face.get(file["id"])).data == file
