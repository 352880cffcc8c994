"""How much an owner may keep, counted exactly."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.parity.faces import Face
from tests.service import Service, running_service
from tests.uploads import purged, settled, stored, uploaded

SIZE = 1000
ROOM = 5
QUOTA = ROOM * SIZE


@pytest.fixture(scope="module")
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill with a quota."""
    with running_service(stack, owner_quota_bytes=str(QUOTA)) as running:
        yield running


@pytest.fixture(scope="module")
def short_ttl_service(stack: Stack) -> Iterator[Service]:
    """One whose uploads expire soon."""
    with running_service(
        stack, owner_quota_bytes=str(QUOTA), upload_url_ttl="2", upload_grace="1"
    ) as running:
        yield running


async def fill(face: Face) -> Counter[str | None]:
    """What many parallel requests are answered, which would together pass any quota."""
    answers = await asyncio.gather(*(face.request(name="a", size=SIZE) for _ in range(4 * ROOM)))
    return Counter(answer.code for answer in answers)


async def test_exactly_as_many_fit_as_there_is_room_for(face: Face, stranger: Face) -> None:
    assert await fill(face) == {None: ROOM, "quota_exceeded": 3 * ROOM}
    refused = await face.request(name="a", size=1)
    assert (refused.code, refused.context["limit"], refused.context["used"]) == (
        "quota_exceeded",
        QUOTA,
        QUOTA,
    )
    assert (await face.request(name="empty", size=0)).code is None
    assert (await stranger.request(name="a", size=QUOTA)).code is None


async def test_what_is_stored_counts_and_what_is_deleted_does_not(face: Face) -> None:
    file = await stored(face, os.urandom(SIZE))
    assert await fill(face) == {None: ROOM - 1, "quota_exceeded": 3 * ROOM + 1}
    await asyncio.gather(*(face.delete(file["id"]) for _ in range(5)))
    assert await fill(face) == {None: 1, "quota_exceeded": 4 * ROOM - 1}


async def test_duplicates_give_back_what_they_reserved(face: Face) -> None:
    content = os.urandom(SIZE)
    await stored(face, content)
    copies = [(await uploaded(face, content)).id for _ in range(ROOM - 1)]
    for copy in copies:
        assert (await settled(face, copy))["status"] == "DUPLICATE"
    await face.delete(copies[0])
    assert await fill(face) == {None: ROOM - 1, "quota_exceeded": 3 * ROOM + 1}


async def test_what_expires_gives_back_what_it_reserved(
    face_class: type[Face], short_ttl_service: Service, owner: str
) -> None:
    async with short_ttl_service.client(owner) as client:
        face = face_class(client)
        abandoned = [(await face.request(name="a", size=SIZE)).id for _ in range(ROOM)]
        assert (await face.request(name="a", size=1)).code == "quota_exceeded"
        for file_id in abandoned:
            assert (await purged(face, file_id))["status"] == "EXPIRED"
        assert (await face.request(name="a", size=QUOTA)).code is None


async def test_a_repeat_reserves_once(face: Face) -> None:
    for _ in range(3):
        assert (await face.request("key", name="a", size=QUOTA)).code is None


async def test_usage_shows_what_is_taken(face: Face) -> None:
    assert (await face.usage()).data == {"used": 0, "reserved": 0, "files": 0, "limit": QUOTA}
    file = await stored(face, os.urandom(SIZE))
    await face.request(name="a", size=7)
    assert (await face.usage()).data == {"used": SIZE, "reserved": 7, "files": 1, "limit": QUOTA}
    await face.delete(file["id"])
    assert (await face.usage()).data == {"used": 0, "reserved": 7, "files": 0, "limit": QUOTA}
