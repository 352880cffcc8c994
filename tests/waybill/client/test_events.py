"""Events are parsed as they arrive, and waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from tests.service import Service
from waybill.client import AsyncClient, Status
from waybill.client.events import Message, messages


async def lines(text: str) -> AsyncIterator[bytes]:
    for line in text.encode().splitlines(keepends=True):
        yield line


async def parsed(text: str) -> list[Message]:
    return [message async for message in messages(lines(text))]


async def test_messages_are_read_as_the_standard_says() -> None:
    assert await parsed("event: file\nid: 7\ndata: {}\n\n") == [Message("file", "7", "{}")]
    assert await parsed("data:a\ndata: b\r\n\r\n") == [Message("message", None, "a\nb")]
    assert await parsed(": to keep the line open\n\nretry: 5\n\n") == []
    assert await parsed("id: 8\n\n") == [Message("message", "8", "")]
    assert await parsed("data: cut off") == []


async def test_changes_are_told_and_taken_up_again(
    service: Service, owner: str, client: AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    async with asyncio.timeout(60), aclosing(client.events()) as events:
        assert (await anext(events)).file is None
        file = await client.upload(tmp_path / "a")
        seen = [await anext(events)]
        while seen[-1].file is None or not seen[-1].file.is_over:
            seen.append(await anext(events))
    assert [event.file.status for event in seen if event.file is not None] == [
        Status.PENDING,
        Status.PROCESSING,
        Status.COMPLETED,
    ]
    assert all(event.file is not None and event.file.id == file.id for event in seen)
    async with asyncio.timeout(60), aclosing(client.events(seen[0].id)) as events:
        again = [await anext(events), await anext(events)]
    assert [event.file for event in again] == [event.file for event in seen[1:]]


async def test_a_position_that_is_not_known_any_more_begins_anew(client: AsyncClient) -> None:
    async with asyncio.timeout(60), aclosing(client.events("lost")) as events:
        assert (await anext(events)).file is None


async def test_many_waits_share_one_stream(client: AsyncClient, tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).write_text(str(number))
    files = await asyncio.gather(*(client.upload(tmp_path / str(number)) for number in range(20)))
    assert {file.status for file in files} == {Status.COMPLETED}
    # All have gone, and so has the stream.
    file = await client.upload(tmp_path / "7", sha256=files[7].sha256)
    assert (await client.wait(file.id)).id == files[7].id
