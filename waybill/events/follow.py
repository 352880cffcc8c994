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
    """A file after a change, and the resume token of the change."""

    file: File
    resume_token: str


async def follow_files(
    resources: Resources, principal: Principal, after: str | None = None
) -> AsyncGenerator[FileChange | str, None]:
    """Yield the changes of the caller's files, each once and in order, from now or after a resume token.

    Yields a resume token without a change at the start, and again when there is no change for a while. Ends
    when this process stops, or when the caller reads too slowly. A caller that resumes after its last resume
    token misses nothing.

    Raises:
        ChangesLost: the resume token is too old, or is not valid.
        TooManySubscriptions: the owner has too many subscriptions at this process.
        ServiceUnavailable: MongoDB is unavailable.
    """
    async with aclosing(_follow(resources, principal, after)) as changes:
        async for each in changes:
            yield FileChange(each.file, each.resume_token) if isinstance(each, Change) else each


async def follow_file(
    resources: Resources, principal: Principal, file_id: str, after: str | None = None
) -> AsyncGenerator[FileChange | str, None]:
    """Yield the changes of one file, like ``follow_files``.

    Without a resume token, yield its current state first.

    Raises:
        FileNotFound: no such file of this owner.
    """
    shown = 0
    yielded_at = time.monotonic()
    if after is not None:
        await repository.find(file_id, principal.owner)
    async with aclosing(_follow(resources, principal, after)) as changes:
        async for each in changes:
            if isinstance(each, Change):
                if each.file.file_id == file_id and each.cluster_time > shown:
                    yield FileChange(each.file, each.resume_token)
                elif time.monotonic() - yielded_at < HEARTBEAT_SECONDS:
                    continue
                else:
                    # Changes of the owner's other files do not replace the heartbeat.
                    yield each.resume_token
                yielded_at = time.monotonic()
            elif not shown and after is None:
                # Read after the resume token, so that later changes follow in the stream.
                file, shown = await change_stream.find_at(file_id, principal.owner)
                yield FileChange(file, each)
            else:
                yield each


async def _follow(
    resources: Resources, principal: Principal, after: str | None
) -> AsyncGenerator[Change | str, None]:
    try:
        async with aclosing(resources.broadcaster.subscribe(principal.owner, after)) as changes:
            async for each in changes:
                yield each
    except HistoryLostError:
        raise ChangesLost from None
