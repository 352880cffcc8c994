"""How much an owner may keep, counted exactly."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.parity.apis import ApiClient
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


async def fill(api: ApiClient) -> Counter[str | None]:
    """What many parallel requests are answered, which would together pass any quota."""
    answers = await asyncio.gather(*(api.request(name="a", size=SIZE) for _ in range(4 * ROOM)))
    return Counter(answer.code for answer in answers)


async def test_exactly_as_many_fit_as_there_is_room_for(api: ApiClient, stranger: ApiClient) -> None:
    assert await fill(api) == {None: ROOM, "quota_exceeded": 3 * ROOM}
    refused = await api.request(name="a", size=1)
    assert (refused.code, refused.context["limit"], refused.context["used"]) == (
        "quota_exceeded",
        QUOTA,
        QUOTA,
    )
    assert (await api.request(name="empty", size=0)).code is None
    assert (await stranger.request(name="a", size=QUOTA)).code is None


async def test_what_is_stored_counts_and_what_is_deleted_does_not(api: ApiClient) -> None:
    file = await stored(api, os.urandom(SIZE))
    assert await fill(api) == {None: ROOM - 1, "quota_exceeded": 3 * ROOM + 1}
    await asyncio.gather(*(api.delete(file["id"]) for _ in range(5)))
    assert await fill(api) == {None: 1, "quota_exceeded": 4 * ROOM - 1}


async def test_duplicates_give_back_what_they_reserved(api: ApiClient) -> None:
    content = os.urandom(SIZE)
    await stored(api, content)
    copies = [(await uploaded(api, content)).id for _ in range(ROOM - 1)]
    for copy in copies:
        assert (await settled(api, copy))["status"] == "DUPLICATE"
    await api.delete(copies[0])
    assert await fill(api) == {None: ROOM - 1, "quota_exceeded": 3 * ROOM + 1}


async def test_what_expires_gives_back_what_it_reserved(
    api_class: type[ApiClient], short_ttl_service: Service, owner: str
) -> None:
    async with short_ttl_service.client(owner) as client:
        api = api_class(client)
        abandoned = [(await api.request(name="a", size=SIZE)).id for _ in range(ROOM)]
        assert (await api.request(name="a", size=1)).code == "quota_exceeded"
        for file_id in abandoned:
            assert (await purged(api, file_id))["status"] == "EXPIRED"
        assert (await api.request(name="a", size=QUOTA)).code is None


async def test_a_repeat_reserves_once(api: ApiClient) -> None:
    for _ in range(3):
        assert (await api.request("key", name="a", size=QUOTA)).code is None


async def test_usage_shows_what_is_taken(api: ApiClient) -> None:
    assert (await api.usage()).data == {"used": 0, "reserved": 0, "files": 0, "limit": QUOTA}
    file = await stored(api, os.urandom(SIZE))
    await api.request(name="a", size=7)
    assert (await api.usage()).data == {"used": SIZE, "reserved": 7, "files": 1, "limit": QUOTA}
    await api.delete(file["id"])
    assert (await api.usage()).data == {"used": 0, "reserved": 7, "files": 0, "limit": QUOTA}
