"""Subscribe to file changes."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from waybill.events import change_stream
from waybill.events.broadcaster import HEARTBEAT_SECONDS
from waybill.events.change_stream import Change, HistoryLostError
from waybill.files import repository
from waybill.files.model import File
from waybill.platform.errors import ChangesLost
from waybill.platform.principal import Principal
from waybill.resources import Resources


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file as a change left it, and the position after which to go on."""

    file: File
    position: str


async def follow_files(
    resources: Resources, principal: Principal, after: str | None = None
) -> AsyncGenerator[FileChange | str, None]:
    """The caller's files as they change, each change once and in order, from now or from after a position.

    A position comes alone at the start, and again where nothing happens. Ends when this process stops, or
    when the caller reads too slowly; whoever goes on after the last position has missed nothing.

    Raises:
        ChangesLost: the position is too long ago, or none.
        TooManySubscriptions: the owner has as many as one process serves.
        ServiceUnavailable: MongoDB is unavailable.
    """
    async with aclosing(_follow(resources, principal, after)) as changes:
        async for each in changes:
            yield FileChange(each.file, each.position) if isinstance(each, Change) else each


async def follow_file(
    resources: Resources, principal: Principal, file_id: str, after: str | None = None
) -> AsyncGenerator[FileChange | str, None]:
    """One file as ``follow_files`` tells it. Without a position it is told as it stands, first of all.

    Raises:
        FileNotFound: no such file of this owner.
    """
    shown = 0
    told_at = time.monotonic()
    if after is not None:
        await repository.find(file_id, principal.owner)
    async with aclosing(_follow(resources, principal, after)) as changes:
        async for each in changes:
            if isinstance(each, Change):
                if each.file.file_id == file_id and each.cluster_time > shown:
                    yield FileChange(each.file, each.position)
                elif time.monotonic() - told_at < HEARTBEAT_SECONDS:
                    continue
                else:
                    # Changes of the owner's other files do not replace the heartbeat.
                    yield each.position
                told_at = time.monotonic()
            elif not shown and after is None:
                # Read after the position, so that later changes follow in the stream.
                file, shown = await change_stream.find_at(file_id, principal.owner)
                yield FileChange(file, each)
            else:
                yield each


async def _follow(
    resources: Resources, principal: Principal, after: str | None
) -> AsyncGenerator[Change | str, None]:
    try:
        async with aclosing(resources.broadcaster.follow(principal.owner, after)) as changes:
            async for each in changes:
                yield each
    except HistoryLostError:
        raise ChangesLost from None
