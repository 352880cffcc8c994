"""Files as they change."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from api.graphql.context import Info
from api.graphql.types import File
from waybill.events.follow import FileChange, follow_file, follow_files

#: A close code of WebSockets (IANA's registry).
SERVICE_RESTART = 1012

After = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The `changeId` of the last change: all that came after it is told now."),
]


@strawberry.type
class Subscription:
    @strawberry.subscription(description="One file, at first as it stands, then as each change leaves it.")
    async def file_changed(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        after: After = None,
    ) -> AsyncGenerator[File, None]:
        principal = await info.context.principal()
        async for file in _files(info, follow_file(info.context.resources, principal, id, after or None)):
            yield file

    @strawberry.subscription(description="The caller's files, as each change leaves them.")
    async def files_changed(self, info: Info, after: After = None) -> AsyncGenerator[File, None]:
        principal = await info.context.principal()
        async for file in _files(info, follow_files(info.context.resources, principal, after or None)):
            yield file


async def _files(info: Info, feed: AsyncGenerator[FileChange | str, None]) -> AsyncGenerator[File, None]:
    async with aclosing(feed):
        async for told in feed:
            if isinstance(told, FileChange):
                yield File.of(told.file, told.position)
    # We stop, or they read too slowly. A subscription that is complete is over for its client, while one
    # whose connection broke is taken up again.
    await info.context.close(SERVICE_RESTART, "Connect again, and go on after the last changeId.")
