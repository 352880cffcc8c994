"""Several names of one content: what is done to one touches no other."""

import asyncio
import hashlib
import os
from collections import Counter
from functools import partial
from typing import Any

import httpx
import pytest

from tests.actors.conftest import Bucket, open_bucket
from tests.parity.apis import ApiClient
from tests.service import Service
from tests.uploads import purged, stored, until
from tests.waiting import until as until_true

SIZE = 1000


async def named(api: ApiClient, content: bytes, name: str) -> Any:
    """A further name of a content that is stored."""
    sha256 = hashlib.sha256(content).hexdigest()
    return (await api.request(name=name, size=len(content), sha256=sha256)).data["file"]


async def fetched(api: ApiClient, file_id: str) -> bytes:
    link = (await api.download(file_id)).data
    async with httpx.AsyncClient() as client:
        response = await client.get(link["url"])
    assert response.status_code == 200
    return response.content


async def check(api: ApiClient, contents: dict[str, bytes]) -> list[Any]:
    """Check that each content has one COMPLETED name, which the others name, and fetch them all."""
    files: list[Any] = (await api.list(limit=100)).data["items"]
    holders = {file["sha256"]: file["id"] for file in files if file["status"] == "COMPLETED"}
    assert len(holders) == len([file for file in files if file["status"] == "COMPLETED"])
    for file in files:
        assert file["status"] in {"COMPLETED", "DUPLICATE"}
        expected = None if file["status"] == "COMPLETED" else holders[file["sha256"]]
        assert file["duplicateOf"] == expected
        assert await fetched(api, file["id"]) == contents[file["sha256"]]
    return files


def by_hash(*contents: bytes) -> dict[str, bytes]:
    return {hashlib.sha256(content).hexdigest(): content for content in contents}


async def test_the_oldest_name_holds_the_content_when_its_holder_is_deleted(
    api: ApiClient, service: Service
) -> None:
    content = os.urandom(SIZE)
    first = await stored(api, content, name="a")
    second, third = [await named(api, content, name) for name in "bc"]
    sent = await stored(api, content, name="d")
    assert sent["status"] == "DUPLICATE"
    assert (await api.delete(first["id"])).data["deletedAt"] is not None
    heir = (await api.get(second["id"])).data
    assert (heir["status"], heir["duplicateOf"], heir["sha256"]) == ("COMPLETED", None, first["sha256"])
    assert heir["completedAt"] is not None
    await purged(api, first["id"])
    files = await check(api, by_hash(content))
    assert [file["id"] for file in files] == [sent["id"], third["id"], second["id"]]
    assert (await api.usage()).data["used"] == SIZE
    for file_id in (third["id"], second["id"]):
        await api.delete(file_id)
        await purged(api, file_id)
        await check(api, by_hash(content))
    await api.delete(sent["id"])
    await purged(api, sent["id"])
    assert (await api.usage()).data["used"] == 0
    async for bucket in open_bucket(service):
        assert not await objects_of(bucket, first, second, third, sent)
    again = await api.request(name="a", size=SIZE, sha256=first["sha256"])
    assert again.data["upload"] is not None


async def is_alone(bucket: Bucket, *files: Any) -> bool:
    return len(await objects_of(bucket, *files)) == 1


async def objects_of(bucket: Bucket, *files: Any) -> set[str]:
    """The object keys that were made for some files."""
    return {key for key in await bucket.keys() if any(file["id"] in key for file in files)}


async def test_a_deleted_duplicate_leaves_the_others(api: ApiClient) -> None:
    content = os.urandom(SIZE)
    first = await stored(api, content, name="a")
    second = await named(api, content, "b")
    deleted = (await api.delete(second["id"])).data
    assert (deleted["status"], deleted["duplicateOf"]) == ("DUPLICATE", first["id"])
    await purged(api, second["id"])
    assert await check(api, by_hash(content)) == [first]
    assert (await api.download(second["id"])).code == "wrong_state"


async def test_the_second_object_leaves_the_bucket_and_its_file_does_not(
    api: ApiClient, service: Service
) -> None:
    content = os.urandom(SIZE)
    first = await stored(api, content, name="a")
    second = await stored(api, content, name="b")
    async for bucket in open_bucket(service):
        await until_true(partial(is_alone, bucket, first, second), "the spare is removed", 60)
    assert (await api.get(second["id"])).data == second
    assert second["purgedAt"] is None
    await check(api, by_hash(content))


@pytest.mark.parametrize("attempt", range(2))
async def test_twenty_deletes_of_the_names_of_one_content_leave_nothing(api: ApiClient, attempt: int) -> None:
    content = os.urandom(SIZE)
    files = [await stored(api, content, name="a")]
    files += await asyncio.gather(*(named(api, content, f"b{number}") for number in range(9)))
    deletes = [api.delete(file["id"]) for file in files for _ in range(2)]
    assert Counter(answer.code for answer in await asyncio.gather(*deletes)) == {None: 20}
    for file in files:
        await purged(api, file["id"])
    assert (await api.usage()).data["used"] == 0


async def test_uploads_names_and_deletes_of_one_content_at_once(api: ApiClient) -> None:
    content = os.urandom(SIZE)
    first = await stored(api, content, name="a")
    remaining = await named(api, content, "remaining")
    doomed = await asyncio.gather(*(named(api, content, f"b{number}") for number in range(5)))
    done = await asyncio.gather(
        *(api.delete(file["id"]) for file in (first, *doomed)),
        *(named(api, content, f"c{number}") for number in range(5)),
        *(stored(api, content, name=f"d{number}") for number in range(5)),
        *(api.download(remaining["id"]) for _ in range(5)),
    )
    assert all(answer.code is None for answer in done[-5:])
    for file in (first, *doomed):
        await purged(api, file["id"])
    files = await check(api, by_hash(content))
    assert remaining["id"] in {file["id"] for file in files}
    assert (await api.usage()).data["used"] == SIZE


async def test_the_holder_may_go_while_another_name_is_verified(api: ApiClient) -> None:
    for _ in range(3):
        content = os.urandom(SIZE)
        first = await stored(api, content, name="a")
        second, _ = await asyncio.gather(stored(api, content, name="b"), api.delete(first["id"]))
        await purged(api, first["id"])
        file = await until(api, second["id"], lambda file: file["status"] == "COMPLETED")
        assert await fetched(api, file["id"]) == content
        await api.delete(file["id"])
