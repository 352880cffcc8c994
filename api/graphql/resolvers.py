"""The operations: translate, call, translate back."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.graphql.context import Info
from api.graphql.lists import parse_listing
from api.graphql.metadata import MetadataInput, given_pairs
from api.graphql.outcomes import FileOutcomes, UploadOutcome, UploadOutcomes
from api.graphql.scalars import BigInt
from api.graphql.types import (
    DownloadDisposition,
    DownloadLink,
    File,
    FileConnection,
    FileSort,
    FileStatus,
    Parts,
    PartSha256Input,
    PartUpload,
    RequestPartsPayload,
    RequestUploadInput,
    RequestUploadPayload,
    SortOrder,
)
from api.graphql.update import UpdateFileInput
from api.graphql.usage import Usage, UsageHistory
from waybill.events.change_stream import current_resume_token
from waybill.files.batch import complete_many, delete_many, request_many
from waybill.files.complete import complete_upload
from waybill.files.delete import delete_file
from waybill.files.disposition import Disposition
from waybill.files.download import download_file
from waybill.files.listing.list_files import Listing, count_files, list_files
from waybill.files.parts import PartsRequest, list_parts, request_parts
from waybill.files.read import get_file
from waybill.files.refresh import refresh_upload
from waybill.files.request import request_upload
from waybill.files.restore import restore_file
from waybill.files.update import FileChanges, update_file
from waybill.files.upload_request import UploadRequest
from waybill.files.usage.service import get_usage, get_usage_history
from waybill.platform.validation import parse


@strawberry.type
class Query:
    @strawberry.field(description="One file, also if it is deleted.")
    async def file(self, info: Info, id: strawberry.ID) -> File | None:  # noqa: A002
        return File.of(await get_file(await info.context.principal(), id))

    @strawberry.field(description="Files that are not deleted, the newest first by default.")
    async def files(
        self,
        info: Info,
        *,
        first: int | None = 20,
        after: Annotated[
            str | None, strawberry.argument(description="A cursor of a list with the same `sort`.")
        ] = strawberry.UNSET,
        status: list[FileStatus] | None = strawberry.UNSET,  # type: ignore[valid-type]
        name: Annotated[
            str | None,
            strawberry.argument(
                description="Files whose name begins with this text, in upper or lower case."
            ),
        ] = strawberry.UNSET,
        q: Annotated[
            str | None,
            strawberry.argument(description="Files whose name contains this text, in upper or lower case."),
        ] = strawberry.UNSET,
        content_type: Annotated[
            str | None,
            strawberry.argument(
                description="A media type, such as `image/png`, or a family, such as `image/*`."
            ),
        ] = strawberry.UNSET,
        created_after: Annotated[
            datetime | None, strawberry.argument(description="Files created at this time or later.")
        ] = strawberry.UNSET,
        created_before: Annotated[
            datetime | None, strawberry.argument(description="Files created before this time.")
        ] = strawberry.UNSET,
        min_size: Annotated[
            BigInt | None, strawberry.argument(description="Files of at least so many bytes.")
        ] = strawberry.UNSET,
        max_size: Annotated[
            BigInt | None, strawberry.argument(description="Files of at most so many bytes.")
        ] = strawberry.UNSET,
        deleted: Annotated[
            bool | None,
            strawberry.argument(
                description="List the trash instead: deleted files that can still be restored."
            ),
        ] = False,
        folder: Annotated[
            str | None,
            strawberry.argument(
                description="Files in this folder, such as `photos/`. Empty: the top folder."
            ),
        ] = strawberry.UNSET,
        recursive: Annotated[
            bool | None, strawberry.argument(description="Also list files in all folders below `folder`.")
        ] = False,
        metadata: Annotated[
            list[MetadataInput] | None, strawberry.argument(description="Files that have all of these pairs.")
        ] = strawberry.UNSET,
        sort: FileSort | None = FileSort.CREATED_AT,  # type: ignore[valid-type]
        order: Annotated[
            SortOrder | None,  # type: ignore[valid-type]
            strawberry.argument(description="If not given, ASC for names and DESC for times and sizes."),
        ] = strawberry.UNSET,
    ) -> FileConnection:
        given = {
            "limit": first,
            "cursor": after,
            "status": status,
            "name": name,
            "q": q,
            "contentType": content_type,
            "createdAfter": created_after,
            "createdBefore": created_before,
            "minSize": min_size,
            "maxSize": max_size,
            "deleted": deleted,
            "folder": folder,
            "recursive": recursive,
            "metadata": given_pairs(metadata),
            "sort": sort,
            "order": order,
        }
        principal = await info.context.principal()
        listing = parse_listing(Listing, given)
        page = await list_files(principal, listing)
        return FileConnection.of(page, listing.cursor, lambda: count_files(principal, listing))

    @strawberry.field(description="The parts of a file that have arrived, to resume an upload.")
    async def parts(self, info: Info, id: strawberry.ID) -> Parts:  # noqa: A002
        return Parts.of_progress(await list_parts(info.context.resources, await info.context.principal(), id))

    @strawberry.field(
        description="The current position in the changes: with it as `after` a subscription begins here."
    )
    async def change_id(self, info: Info) -> strawberry.ID:
        await info.context.principal()
        return strawberry.ID(await current_resume_token())

    @strawberry.field(description="The caller's usage and quota.")
    async def usage(self, info: Info) -> Usage:
        principal = await info.context.principal()
        return Usage.of(await get_usage(info.context.resources.settings, principal))

    @strawberry.field(description="The usage of the caller's COMPLETED files, by day and by type.")
    async def usage_history(self, info: Info) -> UsageHistory:
        return UsageHistory.of(await get_usage_history(await info.context.principal()))

    @strawberry.field(description="A URL for the bytes of a COMPLETED or DUPLICATE file.")
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
    @strawberry.mutation(description="Request an upload, and get the URL to send the bytes to.")
    async def request_upload(
        self,
        info: Info,
        input: RequestUploadInput,  # noqa: A002
        idempotency_key: str | None = None,
    ) -> RequestUploadPayload:
        principal = await info.context.principal()
        parsed = parse(UploadRequest, input.fields())
        requested = await request_upload(info.context.resources, principal, parsed, idempotency_key)
        return RequestUploadPayload.of(requested)

    @strawberry.mutation(description="Request up to 100 uploads. Each has its own result.")
    async def request_uploads(
        self, info: Info, inputs: list[RequestUploadInput], idempotency_key: str | None = None
    ) -> UploadOutcomes:
        principal = await info.context.principal()
        items = [each.fields() for each in inputs]
        outcomes = await request_many(info.context.resources, principal, items, idempotency_key)
        return UploadOutcomes(results=[UploadOutcome.of(outcome) for outcome in outcomes])

    @strawberry.mutation(description="Get a new URL for an open upload, and delay its expiry.")
    async def refresh_upload(self, info: Info, id: strawberry.ID) -> RequestUploadPayload:  # noqa: A002
        principal = await info.context.principal()
        return RequestUploadPayload.of(await refresh_upload(info.context.resources, principal, id))

    @strawberry.mutation(description="Get the URLs to send some parts to. Safe to repeat.")
    async def request_parts(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        part_numbers: list[int],
        sha256: list[PartSha256Input] | None = None,
    ) -> RequestPartsPayload:
        principal = await info.context.principal()
        checksums = {each.part_number: each.sha256 for each in sha256 or ()}
        parsed = parse(PartsRequest, {"partNumbers": part_numbers, "sha256": checksums})
        presigned = await request_parts(info.context.resources, principal, id, parsed)
        return RequestPartsPayload(parts=[PartUpload.of_part(part) for part in presigned])

    @strawberry.mutation(
        description="Complete an upload whose bytes were sent, and begin its verification. Safe to repeat."
    )
    async def complete_upload(self, info: Info, id: strawberry.ID) -> File:  # noqa: A002
        return File.of(await complete_upload(info.context.resources, await info.context.principal(), id))

    @strawberry.mutation(description="Complete up to 100 uploads. Each has its own result.")
    async def complete_uploads(self, info: Info, ids: list[strawberry.ID]) -> FileOutcomes:
        principal = await info.context.principal()
        return FileOutcomes.of(ids, await complete_many(info.context.resources, principal, ids))

    @strawberry.mutation(
        description="Update the name, content type, folder or metadata of a file that is not deleted."
    )
    async def update_file(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        input: UpdateFileInput,  # noqa: A002
        if_match: Annotated[
            str | None, strawberry.argument(description="The `etag` that the file must still have.")
        ] = None,
    ) -> File:
        principal = await info.context.principal()
        file_changes = parse(FileChanges, input.fields())
        settings = info.context.resources.settings
        return File.of(await update_file(settings, principal, id, file_changes, if_match))

    @strawberry.mutation(description="Delete up to 100 files. Each has its own result.")
    async def delete_files(self, info: Info, ids: list[strawberry.ID]) -> FileOutcomes:
        principal = await info.context.principal()
        return FileOutcomes.of(ids, await delete_many(info.context.resources, principal, ids))

    @strawberry.mutation(description="Restore a deleted file from the trash, until its purge begins.")
    async def restore_file(self, info: Info, id: strawberry.ID) -> File:  # noqa: A002
        return File.of(await restore_file(info.context.resources, await info.context.principal(), id))

    @strawberry.mutation(description="Delete a file: its record at once, its object later.")
    async def delete_file(self, info: Info, id: strawberry.ID) -> File:  # noqa: A002
        return File.of(await delete_file(info.context.resources, await info.context.principal(), id))
