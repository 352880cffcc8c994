"""Subscriptions to changes of files."""

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
    strawberry.argument(description="The `changeId` of the last change. The subscription resumes after it."),
]


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="One file: first its current state, then its state after each change."
    )
    async def file_changed(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        after: After = None,
    ) -> AsyncGenerator[File, None]:
        principal = await info.context.principal()
        async for file in _files(info, follow_file(info.context.resources, principal, id, after or None)):
            yield file

    @strawberry.subscription(description="The caller's files, each after a change.")
    async def files_changed(self, info: Info, after: After = None) -> AsyncGenerator[File, None]:
        principal = await info.context.principal()
        async for file in _files(info, follow_files(info.context.resources, principal, after or None)):
            yield file


async def _files(info: Info, feed: AsyncGenerator[FileChange | str, None]) -> AsyncGenerator[File, None]:
    async with aclosing(feed):
        async for item in feed:
            if isinstance(item, FileChange):
                yield File.of(item.file, item.resume_token)
    # This process stops, or the client reads too slowly. Close the connection, because clients resume after a
    # broken connection, and not after a completed subscription.
    await info.context.close(SERVICE_RESTART, "Connect again, and resume after the last changeId.")
