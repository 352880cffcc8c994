"""Passing changes on leaves the event loop to others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from tests.waybill.conftest import new_file
from waybill.events import broadcaster as live_module
from waybill.events import change_stream
from waybill.events.broadcaster import BURST_CHANGES, Broadcaster, open_broadcaster
from waybill.events.change_stream import Change
from waybill.files import repository
from waybill.files.model import File
from waybill.platform.errors import ServiceUnavailable, TooManySubscriptions
from waybill.resources import Resources

#: More than some bursts, and fewer than a follower may let wait.
CHANGES = 600


@pytest.fixture
async def live(resources: Resources) -> AsyncIterator[Broadcaster]:
    """The changes of a database that a test has to itself."""
    async with open_broadcaster(2) as live:
        yield live


async def insert(owner: str) -> None:
    """Make as many changes as there are in ``CHANGES``, at once."""
    files = [new_file(owner) for _ in range(CHANGES)]
    await File.get_motor_collection().insert_many(
        [{"_id": file.id, **{k: v for k, v in file if k != "id" and v is not None}} for file in files]
    )


async def longest_run(changes: Any) -> int:
    """How many changes at most came one after the other without the event loop having run."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    longest, run, last, received = 0, 0, -1, 0
    async for each in changes:
        if isinstance(each, Change):
            received += 1
            run = run + 1 if turns == last else 1
            last = turns
            longest = max(longest, run)
        if received == CHANGES:
            break
    counting.cancel()
    return longest


async def test_changes_that_wait_are_passed_on_in_bursts(live: Broadcaster) -> None:
    async with aclosing(live.subscribe("owner")) as reader, aclosing(live.subscribe("other")) as other:
        await anext(reader)
        await anext(other)
        await insert("owner")
        await repository.insert(new_file("other"))
        # All of the first owner's wait once the reader has come to this one.
        assert isinstance(await anext(other), Change)
        assert await longest_run(reader) <= BURST_CHANGES


async def test_changes_that_were_missed_are_passed_on_in_bursts(live: Broadcaster) -> None:
    position = await change_stream.current_resume_token()
    await insert("owner")
    async with aclosing(live.subscribe("owner", position)) as reader:
        assert await longest_run(reader) <= BURST_CHANGES


async def test_an_owner_and_a_process_have_so_many_followers(
    live: Broadcaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with aclosing(live.subscribe("owner")) as one, aclosing(live.subscribe("owner")) as two:
        await anext(one)
        await anext(two)
        with pytest.raises(TooManySubscriptions):
            await anext(live.subscribe("owner"))
        monkeypatch.setattr(live_module, "MAX_SUBSCRIBERS", 2)
        with pytest.raises(ServiceUnavailable):
            await anext(live.subscribe("other"))
    assert live.subscribers == 0
