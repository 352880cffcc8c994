"""Same owner, same content: one file."""

import asyncio
import hashlib
import os
from typing import Any

import httpx
import pytest

from tests.parity.apis import ApiClient
from tests.uploads import put, stored


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_a_second_upload_of_the_same_content_points_to_the_first(api: ApiClient) -> None:
    content = os.urandom(1000)
    first = await stored(api, content)
    second = await stored(api, content, name="other.bin")
    assert second["status"] == "DUPLICATE"
    assert second["duplicateOf"] == first["id"]
    assert second["sha256"] == first["sha256"]


async def fetched(api: ApiClient, file_id: str) -> httpx.Response:
    """What the download of a file answers."""
    link = (await api.download(file_id)).data
    async with httpx.AsyncClient() as client:
        return await client.get(link["url"])


async def test_a_duplicate_is_downloaded_under_its_own_name_and_type(api: ApiClient) -> None:
    content = os.urandom(1000)
    await stored(api, content, name="first.bin")
    second = await stored(api, content, name="second.txt", contentType="text/plain")
    assert second["status"] == "DUPLICATE"
    response = await fetched(api, second["id"])
    assert response.content == content
    assert response.headers["content-type"] == "text/plain"
    assert "second.txt" in response.headers["content-disposition"]


async def test_a_declared_hash_that_is_stored_under_that_name_is_that_file(api: ApiClient) -> None:
    content = os.urandom(1000)
    first = await stored(api, content, name="a.bin")
    again = await api.request(name="a.bin", size=1000, sha256=sha256_of(content).upper())
    assert again.data["upload"] is None
    assert again.data["file"] == first
    other = await api.request(name="b.bin", size=1000, sha256=sha256_of(content))
    again = await api.request(name="b.bin", size=1000, sha256=sha256_of(content))
    assert again.data["file"] == other.data["file"]


@pytest.mark.parametrize("fields", [{"name": "b.bin"}, {"contentType": "text/plain"}, {"folder": "b/"}])
async def test_a_declared_hash_under_another_name_or_type_makes_a_file_without_an_upload(
    api: ApiClient, fields: dict[str, str]
) -> None:
    content = os.urandom(1000)
    first = await stored(api, content, name="a.bin")
    asked: dict[str, Any] = {"name": "a.bin", "size": 1000, "multipart": True} | fields
    answer = (await api.request(**asked, sha256=sha256_of(content))).data
    assert (answer["upload"], answer["multipart"]) == (None, None)
    file = answer["file"]
    expected = {"status": "DUPLICATE", "duplicateOf": first["id"], "sha256": sha256_of(content), "size": 1000}
    assert file | expected | fields == file
    assert file["id"] != first["id"]
    assert (await api.get(file["id"])).data == file
    assert (await api.complete(file["id"])).data == file
    assert (await fetched(api, file["id"])).content == content
    assert {each["id"] for each in (await api.list()).data["items"]} == {first["id"], file["id"]}


async def test_a_name_of_a_content_takes_no_room(api: ApiClient) -> None:
    content = os.urandom(1000)
    await stored(api, content, name="a.bin")
    await api.request(name="b.bin", size=1000, sha256=sha256_of(content))
    assert (await api.usage()).data | {"used": 1000, "reserved": 0} == (await api.usage()).data


async def test_a_repeated_request_for_a_name_makes_one_file(api: ApiClient) -> None:
    content = os.urandom(1000)
    await stored(api, content, name="a.bin")
    asked: dict[str, Any] = {"name": "b.bin", "size": 1000, "sha256": sha256_of(content)}
    keyed = [api.request(key="the-same", **asked) for _ in range(10)]
    answers = await asyncio.gather(*keyed, *(api.request(**asked) for _ in range(10)))
    assert {answer.code for answer in answers} == {None}
    assert len({answer.id for answer in answers}) == 1
    assert len((await api.list()).data["items"]) == 2


async def test_a_declared_hash_of_another_size_is_not_believed(api: ApiClient) -> None:
    content = os.urandom(1000)
    await stored(api, content)
    other = await api.request(name="a", size=999, sha256=sha256_of(content))
    assert other.data["upload"] is not None


async def test_another_owner_of_the_same_content_has_a_file_of_their_own(
    api: ApiClient, stranger: ApiClient
) -> None:
    content = os.urandom(1000)
    await stored(api, content)
    sha256 = hashlib.sha256(content).hexdigest()
    theirs = await stranger.request(name="a", size=1000, sha256=sha256)
    assert theirs.data["upload"] is not None
    assert (await put(theirs.data["upload"], content)).status_code == 200
    assert (await stored(stranger, content))["status"] == "COMPLETED"


async def test_deleted_content_may_be_uploaded_again(api: ApiClient) -> None:
    content = os.urandom(1000)
    first = await stored(api, content)
    await api.delete(first["id"])
    again = await api.request(name="a", size=1000, sha256=first["sha256"])
    assert again.data["upload"] is not None
    second = await stored(api, content)
    assert second["status"] == "COMPLETED"
    assert second["id"] != first["id"]


async def test_of_twenty_at_once_one_wins(api: ApiClient) -> None:
    content = os.urandom(1000)
    files = await asyncio.gather(*(stored(api, content) for _ in range(20)))
    winners = [file for file in files if file["status"] == "COMPLETED"]
    assert len(winners) == 1
    losers = [file for file in files if file["status"] == "DUPLICATE"]
    assert len(losers) == 19
    assert {file["duplicateOf"] for file in losers} == {winners[0]["id"]}
