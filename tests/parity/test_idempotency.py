"""Requests that are repeated, because the first answer was lost."""

import asyncio
import hashlib
import os

import pytest

from tests.parity.apis import ApiClient
from tests.uploads import purged, put, settled, stored

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


async def test_a_repeat_answers_the_same_file(api: ApiClient) -> None:
    content = os.urandom(100)
    upload_request = {"name": "a", "size": len(content)}
    first = await api.request(KEY, **upload_request)
    again = await api.request(KEY, **upload_request)
    assert again.data["file"] == first.data["file"]
    assert (await put(again.data["upload"], content)).status_code == 200
    assert (await api.complete(first.id)).code is None
    file = await settled(api, first.id)
    late = await api.request(KEY, **upload_request)
    assert (late.data["file"], late.data["upload"]) == (file, None)
    assert len((await api.list()).data["items"]) == 1


async def test_parallel_repeats_make_one_file(api: ApiClient) -> None:
    answers = await asyncio.gather(*(api.request(KEY, name="a", size=1) for _ in range(20)))
    assert {answer.code for answer in answers} == {None}
    assert len({answer.id for answer in answers}) == 1
    assert len({answer.data["upload"]["url"].partition("?")[0] for answer in answers}) == 1
    assert len((await api.list()).data["items"]) == 1


@pytest.mark.parametrize("other", [{"size": 2}, {"name": "A"}, {"contentType": "a/b"}, {"multipart": True}])
async def test_a_key_is_for_one_announcement(api: ApiClient, other: dict[str, object]) -> None:
    await api.request(KEY, name="a", size=1)
    assert (await api.request(KEY, **{"name": "a", "size": 1} | other)).code == "idempotency_conflict"


async def test_a_key_is_its_owners(api: ApiClient, stranger: ApiClient) -> None:
    first = await api.request(KEY, name="a", size=1)
    assert (await stranger.request(KEY, name="b", size=2)).id != first.id


async def test_content_that_is_known_is_known_again(api: ApiClient) -> None:
    content = os.urandom(100)
    upload_request = {"name": "a", "size": 100, "sha256": hashlib.sha256(content).hexdigest()}
    original = await stored(api, content, name="a")
    for _ in range(2):
        answer = await api.request(KEY, **upload_request)
        assert (answer.id, answer.data["upload"]) == (original["id"], None)
    assert (await api.request(KEY, name="b", size=1)).code == "idempotency_conflict"


async def test_a_key_whose_upload_was_deleted_is_refused(api: ApiClient) -> None:
    first = await api.request(KEY, name="a", size=1)
    await api.delete(first.id)
    for _ in range(2):
        again = await api.request(KEY, name="a", size=1)
        assert (again.code, again.context["id"], again.context["fileStatus"]) == (
            "wrong_state",
            first.id,
            "PENDING",
        )
    assert (await api.list()).data["items"] == []
    assert (await api.request(f"{KEY}-2", name="a", size=1)).data["upload"] is not None


async def test_a_key_whose_file_was_deleted_and_purged_is_refused(api: ApiClient) -> None:
    content = os.urandom(100)
    upload_request = {"name": "a", "size": 100, "sha256": hashlib.sha256(content).hexdigest()}
    file = await stored(api, content, name="a")
    assert (await api.request(KEY, **upload_request)).id == file["id"]
    await api.delete(file["id"])
    assert (await api.request(KEY, **upload_request)).code == "wrong_state"
    await purged(api, file["id"])
    again = await api.request(KEY, **upload_request)
    assert (again.code, again.context["fileStatus"]) == ("wrong_state", "COMPLETED")


async def test_a_key_whose_file_failed_is_refused(api: ApiClient) -> None:
    first = await api.request(KEY, name="a", size=1)
    unsigned = {**first.data["upload"]["headers"], "Content-Language": "de"}
    assert (await put(first.data["upload"] | {"headers": unsigned}, b"x")).is_success
    await api.complete(first.id)
    assert (await settled(api, first.id))["status"] == "FAILED"
    again = await api.request(KEY, name="a", size=1)
    assert (again.code, again.context["fileStatus"]) == ("wrong_state", "FAILED")


async def test_a_batch_refuses_the_items_alone_whose_files_are_deleted(api: ApiClient) -> None:
    items = [{"name": "a", "size": 1}, {"name": "b", "size": 1}]
    first = (await api.request_many(items, KEY)).data["results"]
    await api.delete(first[0]["file"]["id"])
    again = (await api.request_many(items, KEY)).data["results"]
    assert (again[0]["file"], again[0]["error"]["code"]) == (None, "wrong_state")
    assert (again[1]["file"], again[1]["error"]) == (first[1]["file"], None)


@pytest.mark.parametrize("attempt", range(2))
async def test_a_delete_at_the_same_time_leaves_no_upload_to_send(api: ApiClient, attempt: int) -> None:
    first = await api.request(KEY, name="a", size=1)
    *repeats, deleted = await asyncio.gather(
        *(api.request(KEY, name="a", size=1) for _ in range(5)), api.delete(first.id)
    )
    assert deleted.code is None
    for answer in repeats:
        assert answer.code == "wrong_state" or answer.data["upload"] is not None, answer
    assert (await api.request(KEY, name="a", size=1)).code == "wrong_state"


@pytest.mark.parametrize("attempt", range(2))
async def test_a_complete_at_the_same_time_fails_no_repeat(api: ApiClient, attempt: int) -> None:
    first = await api.request(KEY, name="a", size=1)
    assert (await put(first.data["upload"], b"x")).is_success
    answers = await asyncio.gather(
        *(api.request(KEY, name="a", size=1) for _ in range(10)), api.complete(first.id)
    )
    assert {answer.code for answer in answers} == {None}
    assert {answer.id for answer in answers} == {first.id}


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_what_is_no_key_is_refused(api: ApiClient, key: str) -> None:
    assert (await api.request(key, name="a", size=1)).code == "invalid_input"
