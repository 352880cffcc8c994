"""Requests that are repeated, because the first answer was lost."""

import asyncio
import hashlib
import os

import pytest

from tests.parity.faces import Face
from tests.uploads import put, settled, stored

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


async def test_a_repeat_answers_the_same_file(face: Face) -> None:
    content = os.urandom(100)
    announced = {"name": "a", "size": len(content)}
    first = await face.request(KEY, **announced)
    again = await face.request(KEY, **announced)
    assert again.data["file"] == first.data["file"]
    assert (await put(again.data["upload"], content)).status_code == 200
    assert (await face.complete(first.id)).code is None
    file = await settled(face, first.id)
    late = await face.request(KEY, **announced)
    assert (late.data["file"], late.data["upload"]) == (file, None)
    assert len((await face.list()).data["items"]) == 1


async def test_parallel_repeats_make_one_file(face: Face) -> None:
    answers = await asyncio.gather(*(face.request(KEY, name="a", size=1) for _ in range(20)))
    assert {answer.code for answer in answers} == {None}
    assert len({answer.id for answer in answers}) == 1
    assert len({answer.data["upload"]["url"].partition("?")[0] for answer in answers}) == 1
    assert len((await face.list()).data["items"]) == 1


@pytest.mark.parametrize("other", [{"size": 2}, {"name": "A"}, {"contentType": "a/b"}, {"multipart": True}])
async def test_a_key_is_for_one_announcement(face: Face, other: dict[str, object]) -> None:
    await face.request(KEY, name="a", size=1)
    assert (await face.request(KEY, **{"name": "a", "size": 1} | other)).code == "idempotency_conflict"


async def test_a_key_is_its_owners(face: Face, stranger: Face) -> None:
    first = await face.request(KEY, name="a", size=1)
    assert (await stranger.request(KEY, name="b", size=2)).id != first.id


async def test_content_that_is_known_is_known_again(face: Face) -> None:
    content = os.urandom(100)
    announced = {"name": "a", "size": 100, "sha256": hashlib.sha256(content).hexdigest()}
    original = await stored(face, content)
    for _ in range(2):
        answer = await face.request(KEY, **announced)
        assert (answer.id, answer.data["upload"]) == (original["id"], None)
    assert (await face.request(KEY, name="b", size=1)).code == "idempotency_conflict"


async def test_a_deleted_file_is_answered_as_it_stands(face: Face) -> None:
    first = await face.request(KEY, name="a", size=1)
    await face.delete(first.id)
    again = await face.request(KEY, name="a", size=1)
    assert (again.id, again.data["upload"]) == (first.id, None)
    assert again.data["file"]["deletedAt"] is not None


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_what_is_no_key_is_refused(face: Face, key: str) -> None:
    assert (await face.request(key, name="a", size=1)).code == "invalid_input"
