"""The operations: translate, call, translate back."""

import strawberry

from api.graphql.context import Info
from api.graphql.types import (
    DownloadDisposition,
    DownloadLink,
    File,
    FileConnection,
    FileStatus,
    RequestUploadInput,
    RequestUploadPayload,
)
from waybill.disposition import Disposition
from waybill.usecases.complete import complete_upload
from waybill.usecases.delete import delete_file
from waybill.usecases.download import download_file
from waybill.usecases.read import get_file, list_files
from waybill.usecases.request import UploadDraft, request_upload


@strawberry.type
class Query:
    @strawberry.field(description="One file, deleted ones included.")
    async def file(self, info: Info, id: strawberry.ID) -> File | None:  # noqa: A002
        return File.of(await get_file(await info.context.principal(), id))

    @strawberry.field(description="Files that are not deleted, newest first; `name` is a prefix.")
    async def files(
        self,
        info: Info,
        first: int | None = 20,
        after: str | None = strawberry.UNSET,
        status: list[FileStatus] | None = strawberry.UNSET,  # type: ignore[valid-type]
        name: str | None = strawberry.UNSET,
    ) -> FileConnection:
        # Null and absent are the same to all of these; an empty cursor is not a cursor.
        cursor = None if after is strawberry.UNSET else after
        page = await list_files(
            await info.context.principal(),
            limit=20 if first is None else first,
            cursor=cursor,
            statuses=status or (),
            name=name or None,
        )
        return FileConnection.of(page, cursor)

    @strawberry.field(description="A URL for the bytes of a COMPLETED file.")
    async def download(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        disposition: DownloadDisposition | None = strawberry.UNSET,  # type: ignore[valid-type]
    ) -> DownloadLink:
        principal = await info.context.principal()
        return DownloadLink.of(
            await download_file(info.context.resources, principal, id, disposition or Disposition.ATTACHMENT)
        )


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Announce an upload and get the URL to send it to.")
    async def request_upload(self, info: Info, input: RequestUploadInput) -> RequestUploadPayload:  # noqa: A002
        principal = await info.context.principal()
        given = {
            "name": input.name,
            "size": input.size,
            "contentType": input.content_type,
            "sha256": input.sha256,
        }
        draft = UploadDraft.parse(
            {name: value for name, value in given.items() if value is not strawberry.UNSET}
        )
        return RequestUploadPayload.of(await request_upload(info.context.resources, principal, draft))

    @strawberry.mutation(description="Say that the bytes were sent, and have them verified. Safe to repeat.")
    async def complete_upload(self, info: Info, id: strawberry.ID) -> File:  # noqa: A002
        return File.of(await complete_upload(info.context.resources, await info.context.principal(), id))

    @strawberry.mutation(description="Delete a file: the record at once, the object soon after.")
    async def delete_file(self, info: Info, id: strawberry.ID) -> File:  # noqa: A002
        return File.of(await delete_file(info.context.resources, await info.context.principal(), id))
