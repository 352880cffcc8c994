"""Deleted files, and the way back."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.parity.apis import ApiClient
from tests.service import Service, running_service
from tests.uploads import put, settled, stored, uploaded

SIZE = 1000


@pytest.fixture(scope="module")
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill with a trash, and room for two files."""
    with running_service(stack, purge_delay="3600", owner_quota_bytes=str(2 * SIZE)) as running:
        yield running


async def test_a_deleted_file_comes_back_whole(api: ApiClient) -> None:
    content = os.urandom(SIZE)
    file = await stored(api, content)
    assert (await api.delete(file["id"])).data["deletedAt"] is not None
    assert (await api.download(file["id"])).code == "wrong_state"
    assert (await api.restore(file["id"])).data == file
    assert (await api.restore(file["id"])).data == file
    link = (await api.download(file["id"])).data
    assert (await put(link | {"headers": {}}, b"")).content == content
    assert (await stored(api, content))["duplicateOf"] == file["id"]


async def test_an_upload_that_was_open_is_open_again(api: ApiClient) -> None:
    requested = await api.request(name="a", size=SIZE)
    await api.delete(requested.id)
    assert (await api.restore(requested.id)).data["status"] == "PENDING"
    assert (await put(requested.data["upload"], os.urandom(SIZE))).status_code == 200
    assert (await api.complete(requested.id)).code is None
    assert (await settled(api, requested.id))["status"] == "COMPLETED"


async def test_a_restored_upload_is_what_its_idempotency_key_stands_for_again(api: ApiClient) -> None:
    requested = await api.request("key", name="a", size=SIZE)
    await api.delete(requested.id)
    assert (await api.request("key", name="a", size=SIZE)).code == "wrong_state"
    await api.restore(requested.id)
    again = await api.request("key", name="a", size=SIZE)
    assert (again.id, again.data["upload"] is None) == (requested.id, False)


async def test_an_upload_that_was_being_verified_is_verified_again(api: ApiClient) -> None:
    file_id = (await uploaded(api, os.urandom(SIZE))).id
    await api.delete(file_id)
    await api.restore(file_id)
    assert (await settled(api, file_id))["status"] == "COMPLETED"


async def test_content_that_was_uploaded_again_makes_a_duplicate(api: ApiClient) -> None:
    content = os.urandom(SIZE)
    first = await stored(api, content)
    await api.delete(first["id"])
    second = await stored(api, content)
    assert second["status"] == "COMPLETED"
    restored = (await api.restore(first["id"])).data
    assert (restored["status"], restored["duplicateOf"], restored["deletedAt"]) == (
        "DUPLICATE",
        second["id"],
        None,
    )
    assert await fetched(api, first["id"]) == content
    # It takes no room.
    assert (await api.usage()).data["used"] == SIZE


async def fetched(api: ApiClient, file_id: str) -> bytes:
    link = (await api.download(file_id)).data
    return (await put(link | {"headers": {}}, b"")).content


async def test_a_deleted_name_comes_back_beside_the_others(api: ApiClient) -> None:
    content = os.urandom(SIZE)
    first = await stored(api, content, name="a")
    second = (await api.request(name="b", size=SIZE, sha256=first["sha256"])).data["file"]
    for deleted, other in ((second, first), (first, second)):
        await api.delete(deleted["id"])
        assert deleted["id"] in {file["id"] for file in (await api.list(deleted=True)).data["items"]}
        assert (await api.get(other["id"])).data["status"] == "COMPLETED"
        restored = (await api.restore(deleted["id"])).data
        assert (restored["status"], restored["duplicateOf"]) == ("DUPLICATE", other["id"])
        assert await fetched(api, deleted["id"]) == content
    assert (await api.usage()).data["used"] == SIZE


@pytest.mark.parametrize("order", ["abc", "cba", "bac"])
@pytest.mark.parametrize("back", ["abc", "cab"])
async def test_names_come_back_in_any_order_after_all_were_deleted(
    api: ApiClient, order: str, back: str
) -> None:
    content = os.urandom(SIZE)
    files = {"a": await stored(api, content, name="a")}
    for name in "bc":
        request = await api.request(name=name, size=SIZE, sha256=files["a"]["sha256"])
        files[name] = request.data["file"]
    for name in order:
        assert (await api.delete(files[name]["id"])).code is None
    assert (await api.usage()).data["used"] == 0
    for name in back:
        restored = (await api.restore(files[name]["id"])).data
        expected = ("COMPLETED", None) if name == back[0] else ("DUPLICATE", files[back[0]]["id"])
        assert (restored["status"], restored["duplicateOf"]) == expected
    for file in files.values():
        assert await fetched(api, file["id"]) == content
    assert (await api.usage()).data["used"] == SIZE


async def test_twenty_deletes_and_restores_of_the_names_of_one_content(api: ApiClient) -> None:
    content = os.urandom(SIZE)
    first = await stored(api, content, name="a")
    ids = [first["id"]]
    for name in "bcde":
        ids.append((await api.request(name=name, size=SIZE, sha256=first["sha256"])).id)
    calls = [call(file_id) for file_id in ids for call in (api.delete, api.restore) * 2]
    assert Counter(answer.code for answer in await asyncio.gather(*calls)) == {None: 20}
    files = [(await api.get(file_id)).data for file_id in ids]
    living = [file for file in files if file["deletedAt"] is None]
    assert sum(file["status"] == "COMPLETED" for file in living) == bool(living)
    assert (await api.usage()).data["used"] == (SIZE if living else 0)
    for file_id in ids:
        assert (await api.restore(file_id)).code is None
    for file_id in ids:
        assert await fetched(api, file_id) == content


async def test_deleted_files_take_no_room_and_need_it_to_come_back(api: ApiClient) -> None:
    first, second = [await stored(api, os.urandom(SIZE)) for _ in range(2)]
    await api.delete(first["id"])
    third = await stored(api, os.urandom(SIZE))
    assert (await api.restore(first["id"])).code == "quota_exceeded"
    await api.delete(third["id"])
    answers = await asyncio.gather(*(api.restore(file["id"]) for file in (first, third, first, third)))
    codes = Counter(answer.code for answer in answers)
    assert codes == {None: 2, "quota_exceeded": 2}
    assert (await api.usage()).data["used"] == 2 * SIZE
    assert second["status"] == "COMPLETED"


async def test_the_trash_can_be_listed(api: ApiClient) -> None:
    remaining = await api.request(name="remaining", size=1)
    deleted = [(await api.request(name=name, size=size)).id for name, size in (("b", 1), ("a", 2), ("c", 3))]
    for file_id in deleted:
        await api.delete(file_id)
    assert [file["id"] for file in (await api.list()).data["items"]] == [remaining.id]
    assert [file["id"] for file in (await api.list(deleted=False)).data["items"]] == [remaining.id]
    for sort, names in ({"createdAt": "cab", "name": "abc", "size": "cab"}).items():
        seen, cursor = "", None
        while True:
            page = (
                await api.list(deleted=True, sort=sort, limit=2, **({"cursor": cursor} if cursor else {}))
            ).data
            seen += "".join(file["name"] for file in page["items"])
            if (cursor := page["next"]) is None:
                break
        assert seen == names
    few = await api.list(deleted=True, minSize=2, status=["PENDING"], totalCount=True)
    assert ([file["name"] for file in few.data["items"]], few.data["total"]) == (["c", "a"], 2)
    await api.restore(deleted[0])
    assert len((await api.list(deleted=True)).data["items"]) == 2


async def test_restores_against_deletes_end_one_way_or_the_other(api: ApiClient) -> None:
    file = await stored(api, os.urandom(SIZE))
    calls = [operation(file["id"]) for _ in range(10) for operation in (api.delete, api.restore)]
    assert {answer.code for answer in await asyncio.gather(*calls)} == {None}
    last = (await api.get(file["id"])).data
    used = (await api.usage()).data["used"]
    assert used == (0 if last["deletedAt"] else SIZE)


async def test_what_is_not_there_cannot_come_back(api: ApiClient, stranger: ApiClient) -> None:
    file = await stored(api, os.urandom(SIZE))
    await api.delete(file["id"])
    assert (await stranger.restore(file["id"])).code == "file_not_found"
