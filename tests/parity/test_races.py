"""Parallel requests: in any order they have one effect and one final state."""

import asyncio
import os
from collections import Counter

import pytest

from tests.parity.apis import ApiClient
from tests.uploads import FINAL, purged, put, settled, stored, until


async def sent(api: ApiClient, content: bytes) -> str:
    """Request and send; the id of a PENDING file whose bytes have arrived."""
    requested = await api.request(name="a", size=len(content))
    assert (await put(requested.data["upload"], content)).status_code == 200
    return requested.id


async def test_fifty_completes_have_one_effect(api: ApiClient) -> None:
    file_id = await sent(api, os.urandom(1000))
    answers = await asyncio.gather(*(api.complete(file_id) for _ in range(50)))
    assert {answer.code for answer in answers} == {None}
    assert {answer.data["status"] for answer in answers} <= {"PROCESSING", "COMPLETED"}
    file = await settled(api, file_id)
    assert file["status"] == "COMPLETED"
    assert (await api.complete(file_id)).data == file


async def test_fifty_deletes_have_one_effect(api: ApiClient) -> None:
    file = await stored(api, os.urandom(1000))
    answers = await asyncio.gather(*(api.delete(file["id"]) for _ in range(50)))
    assert len({answer.data["deletedAt"] for answer in answers}) == 1
    await purged(api, file["id"])


@pytest.mark.parametrize("attempt", range(10))
async def test_delete_against_complete_leaves_a_purged_file(api: ApiClient, attempt: int) -> None:
    file_id = await sent(api, os.urandom(1000))
    completes = [api.complete(file_id) for _ in range(3)]
    answers = await asyncio.gather(*completes, api.delete(file_id))
    assert {answer.code for answer in answers[:3]} <= {None, "wrong_state"}
    assert answers[3].code is None
    file = await purged(api, file_id)
    assert file["deletedAt"] is not None
    assert (await api.complete(file_id)).code == "wrong_state"


async def test_delete_against_a_running_hash_leaves_a_purged_file(api: ApiClient) -> None:
    content = os.urandom(64 * 1024 * 1024)
    file_id = await sent(api, content)
    await api.complete(file_id)
    await asyncio.gather(api.delete(file_id), api.complete(file_id))
    await purged(api, file_id)
    # No file holds the content any longer, with any result of the verification before the delete.
    assert (await stored(api, content))["status"] == "COMPLETED"


@pytest.mark.parametrize("attempt", range(5))
async def test_delete_against_the_removal_of_a_second_object_takes_the_copy_alone(
    api: ApiClient, attempt: int
) -> None:
    content = os.urandom(1000)
    original = await stored(api, content)
    copy = await stored(api, content)  # its own object is to go from here
    answers = await asyncio.gather(*(api.delete(copy["id"]) for _ in range(5)))
    assert len({answer.data["deletedAt"] for answer in answers}) == 1
    file = await purged(api, copy["id"])
    assert (file["status"], file["deletedAt"] is not None) == ("DUPLICATE", True)
    assert (await api.download(original["id"])).code is None


async def test_deleting_the_holder_while_its_copies_arrive_keeps_all_of_them(api: ApiClient) -> None:
    content = os.urandom(1000)
    holder = await stored(api, content)
    ids = [await sent(api, content) for _ in range(6)]
    await asyncio.gather(*(api.complete(file_id) for file_id in ids), api.delete(holder["id"]))
    await purged(api, holder["id"])
    for file_id in ids:
        await settled(api, file_id)
    files = [(await api.get(file_id)).data for file_id in ids]
    [winner] = [file["id"] for file in files if file["status"] == "COMPLETED"]
    assert Counter(file["duplicateOf"] for file in files) == {None: 1, winner: 5}
    assert {(await api.download(file_id)).code for file_id in ids} == {None}


async def test_a_url_used_twice_at_once_stores_one_of_the_two(api: ApiClient) -> None:
    requested = await api.request(name="a", size=100_000)
    bodies = [os.urandom(100_000) for _ in range(4)]
    responses = await asyncio.gather(*(put(requested.data["upload"], body) for body in bodies))
    assert Counter(response.status_code for response in responses)[200] >= 1
    await api.complete(requested.id)
    file = await until(api, requested.id, lambda file: file["status"] in FINAL)
    assert file["status"] == "COMPLETED"
