"""Same owner, same content: one file."""

import asyncio
import hashlib
import os

from tests.parity.faces import Face
from tests.uploads import purged, put, stored


async def test_a_second_upload_of_the_same_content_points_to_the_first(face: Face) -> None:
    content = os.urandom(1000)
    first = await stored(face, content)
    second = await stored(face, content, name="other.bin")
    assert second["status"] == "DUPLICATE"
    assert second["duplicateOf"] == first["id"]
    assert second["sha256"] == first["sha256"]
    assert (await purged(face, second["id"]))["status"] == "DUPLICATE"


async def test_a_declared_hash_that_is_stored_needs_no_upload(face: Face) -> None:
    content = os.urandom(1000)
    first = await stored(face, content)
    sha256 = hashlib.sha256(content).hexdigest()
    again = await face.request(name="again.bin", size=1000, sha256=sha256.upper())
    assert again.data["upload"] is None
    assert again.data["file"] == first


async def test_a_declared_hash_of_another_size_is_not_believed(face: Face) -> None:
    content = os.urandom(1000)
    await stored(face, content)
    other = await face.request(name="a", size=999, sha256=hashlib.sha256(content).hexdigest())
    assert other.data["upload"] is not None


async def test_another_owner_of_the_same_content_has_a_file_of_their_own(face: Face, stranger: Face) -> None:
    content = os.urandom(1000)
    await stored(face, content)
    sha256 = hashlib.sha256(content).hexdigest()
    theirs = await stranger.request(name="a", size=1000, sha256=sha256)
    assert theirs.data["upload"] is not None
    assert (await put(theirs.data["upload"], content)).status_code == 200
    assert (await stored(stranger, content))["status"] == "COMPLETED"


async def test_deleted_content_may_be_uploaded_again(face: Face) -> None:
    content = os.urandom(1000)
    first = await stored(face, content)
    await face.delete(first["id"])
    again = await face.request(name="a", size=1000, sha256=first["sha256"])
    assert again.data["upload"] is not None
    second = await stored(face, content)
    assert second["status"] == "COMPLETED"
    assert second["id"] != first["id"]


async def test_of_twenty_at_once_one_wins(face: Face) -> None:
    content = os.urandom(1000)
    files = await asyncio.gather(*(stored(face, content) for _ in range(20)))
    winners = [file for file in files if file["status"] == "COMPLETED"]
    assert len(winners) == 1
    losers = [file for file in files if file["status"] == "DUPLICATE"]
    assert len(losers) == 19
    assert {file["duplicateOf"] for file in losers} == {winners[0]["id"]}


async def test_the_refusal_of_a_duplicate_says_when_its_original_is_gone(face: Face) -> None:
    content = os.urandom(1000)
    first = await stored(face, content)
    second = await stored(face, content)
    await face.delete(first["id"])
    refused = await face.download(second["id"])
    assert refused.code == "wrong_state"
    assert refused.context["duplicateOf"] == first["id"]
    assert (await stored(face, content))["status"] == "COMPLETED"
