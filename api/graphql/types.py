"""The types of the schema, and how each is made from the result of a use-case."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Self

import strawberry
from strawberry.relay import PageInfo

from api.graphql.lists import page_info
from api.graphql.metadata import MetadataInput, MetadataPair, given_pairs, shown_pairs
from api.graphql.node import Node
from api.graphql.scalars import BigInt
from waybill.files import model
from waybill.files.disposition import Disposition
from waybill.files.etag import etag_of
from waybill.files.lifecycle import FailureReason, Status
from waybill.files.listing import filters
from waybill.files.listing.list_files import Page
from waybill.files.open_upload import MultipartPlan, UploadGrant
from waybill.files.parts import PresignedPart, Progress
from waybill.platform.presign import PresignedRequest

FileStatus = strawberry.enum(Status, name="FileStatus", description="The status of a file.")
FileFailureReason = strawberry.enum(FailureReason, name="FailureReason", description="Why a file is FAILED.")
DownloadDisposition = strawberry.enum(
    Disposition, name="Disposition", description="Whether a browser saves a download or shows it."
)
FileSort = strawberry.enum(
    filters.Sort,
    name="FileSort",
    description="The field to sort files by. Names are sorted by code points, so Z comes before a.",
)
SortOrder = strawberry.enum(filters.Order, name="SortOrder", description="The direction of the sort.")


@strawberry.type(description="One file: its upload, and its status.")
class File(Node):
    name: str
    size: BigInt = strawberry.field(description="Size in bytes.")
    content_type: str
    folder: str = strawberry.field(description="A path that ends with a slash; empty for the top folder.")
    metadata: Sequence[MetadataPair] = strawberry.field(
        description="The client's own keys and values, sorted by key."
    )
    status: FileStatus  # type: ignore[valid-type]
    sha256: str | None = strawberry.field(
        description="SHA-256 of the stored bytes, in hexadecimal; null until the file is verified."
    )
    duplicate_of: strawberry.ID | None = strawberry.field(
        description="The id of the COMPLETED file that holds the content. Set only if `status` is DUPLICATE."
    )
    failure_reason: FileFailureReason | None = strawberry.field(  # type: ignore[valid-type]
        description="Why the file is FAILED; null otherwise."
    )
    created_at: datetime
    completed_at: datetime | None
    deleted_at: datetime | None
    purged_at: datetime | None = strawberry.field(description="When the object was removed from the bucket.")
    source: strawberry.Private[model.File]
    change_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="In a subscription: the position of this change. Resume with it as `after`.",
    )

    @strawberry.field(
        description="The version of the file, for `ifMatch` of `updateFile` and the header `If-Match`."
    )
    def etag(self) -> str:
        return etag_of(self.source)

    @classmethod
    def of(cls, file: model.File, change_id: str | None = None) -> Self:
        return cls(
            id=strawberry.ID(file.file_id),
            name=file.name,
            size=BigInt(file.size),
            content_type=file.content_type,
            folder=file.folder or "",
            metadata=shown_pairs(file.metadata),
            status=file.status,
            sha256=file.sha256,
            duplicate_of=None if file.duplicate_of is None else strawberry.ID(str(file.duplicate_of)),
            failure_reason=file.failure_reason,
            created_at=file.created_at,
            completed_at=file.completed_at,
            deleted_at=file.deleted_at,
            purged_at=file.purged_at,
            source=file,
            change_id=None if change_id is None else strawberry.ID(change_id),
        )


@strawberry.type(description="A file and its cursor.")
class FileEdge:
    node: File
    cursor: str


@strawberry.type(
    description="Some files of a list (Relay connection). A page may be short or empty. Continue after"
    " `pageInfo.endCursor` while `pageInfo.hasNextPage` is true."
)
class FileConnection:
    edges: Sequence[FileEdge]
    page_info: PageInfo
    count: strawberry.Private[Callable[[], Coroutine[Any, Any, int | None]]]
    counting: strawberry.Private[asyncio.Task[int | None] | None] = None

    @strawberry.field(description="The number of files on all pages; null if counting takes too long.")
    async def total_count(self) -> int | None:
        # Counted once for all aliases.
        if self.counting is None:
            self.counting = asyncio.create_task(self.count())
        return await self.counting

    @classmethod
    def of(cls, page: Page, after: str | None, count: Callable[[], Coroutine[Any, Any, int | None]]) -> Self:
        edges = [FileEdge(node=File.of(file), cursor=page.cursor_of(file)) for file in page.items]
        return cls(
            edges=edges,
            # A short page ends after its last file: at the place where the search stopped.
            page_info=page_info(edges, after, has_more=page.next_cursor is not None, end=page.next_cursor),
            count=count,
        )


@strawberry.type(description="A header to send.")
class Header:
    name: str
    value: str


@strawberry.type(description="The request that sends the bytes, straight to the object store.")
class Upload:
    url: str
    method: str
    headers: Sequence[Header] = strawberry.field(description="Send exactly these headers.")
    content_length: BigInt = strawberry.field(
        description="The length of the body in bytes. HTTP clients set Content-Length themselves. Set it if"
        " your client streams a body of unknown length."
    )
    expires_at: datetime = strawberry.field(description="The upload must begin before this time.")

    @classmethod
    def of(cls, upload: PresignedRequest) -> Self:
        return cls(
            url=upload.url,
            method=upload.method,
            headers=[Header(name=name, value=value) for name, value in upload.headers.items()],
            content_length=BigInt(upload.content_length),
            expires_at=upload.expires_at,
        )


@strawberry.type(description="How to split a file into parts. Request their URLs when you need them.")
class Multipart:
    part_size: BigInt = strawberry.field(
        description="The size of each part in bytes. The last part may be shorter."
    )
    part_count: int = strawberry.field(description="The number of parts. The first part has the number 1.")
    expires_at: datetime = strawberry.field(
        description="The upload expires soon after this time. A request for parts delays it."
    )

    @classmethod
    def of(cls, multipart: MultipartPlan) -> Self:
        return cls(
            part_size=BigInt(multipart.part_size),
            part_count=multipart.part_count,
            expires_at=multipart.expires_at,
        )


@strawberry.type(
    description="A file and how to send it: `upload`, or `multipart`, or neither if its content is already"
    " stored."
)
class RequestUploadPayload:
    file: File
    upload: Upload | None = strawberry.field(description="One PUT that sends the whole file.")
    multipart: Multipart | None = strawberry.field(description="The plan of a file that is sent in parts.")

    @classmethod
    def of(cls, requested: UploadGrant) -> Self:
        return cls(
            file=File.of(requested.file),
            upload=None if requested.upload is None else Upload.of(requested.upload),
            multipart=None if requested.multipart is None else Multipart.of(requested.multipart),
        )


@strawberry.type(description="The request that sends this part.")
class PartUpload(Upload):
    part_number: int

    @classmethod
    def of_part(cls, part: PresignedPart) -> Self:
        return cls(part_number=part.number, **vars(Upload.of(part.request)))


@strawberry.type(description="The requests that send some parts.")
class RequestPartsPayload:
    parts: Sequence[PartUpload]


@strawberry.type(description="A part that the store holds.")
class Part:
    part_number: int
    size: BigInt = strawberry.field(description="Size in bytes.")
    etag: str


@strawberry.type(description="The plan of a file that is sent in parts, and the parts that have arrived.")
class Parts(Multipart):
    parts: Sequence[Part]

    @classmethod
    def of_progress(cls, progress: Progress) -> Self:
        arrived = [
            Part(part_number=part.number, size=BigInt(part.size), etag=part.etag) for part in progress.parts
        ]
        return cls(**vars(Multipart.of(progress.multipart)), parts=arrived)


@strawberry.type(description="A URL for the bytes, which expires.")
class DownloadLink:
    url: str
    method: str
    expires_at: datetime

    @classmethod
    def of(cls, download: PresignedRequest) -> Self:
        return cls(url=download.url, method=download.method, expires_at=download.expires_at)


@strawberry.input(description="An upload to request.")
class RequestUploadInput:
    name: str = strawberry.field(description="The file's name: no path, no control characters.")
    size: BigInt = strawberry.field(description="The exact size in bytes.")
    content_type: str | None = strawberry.field(
        default=strawberry.UNSET, description="The media type; application/octet-stream if not given."
    )
    sha256: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The SHA-256 of the content, in hexadecimal. The store then refuses other content, and"
        " content that the owner has already stored needs no upload.",
    )
    multipart: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether to send the file in parts. If not given, only files above a size that the"
        " operator sets are sent in parts.",
    )
    part_size: BigInt | None = strawberry.field(
        default=strawberry.UNSET,
        description="The size of each part in bytes: 5 MiB to 5 GiB, 16 MiB if not given. The payload returns"
        " the size to use in `multipart.partSize`. It is larger if there would be more than 10,000 parts.",
    )
    folder: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The folder, such as `photos/2026/`. If not given, the top folder, which is empty.",
    )
    metadata: list[MetadataInput] | None = strawberry.field(
        default=strawberry.UNSET, description="Your own keys and values: up to 24 pairs, 8192 bytes in total."
    )

    def fields(self) -> dict[str, object]:
        """Return the given fields, by the names that REST and GraphQL share."""
        given = {
            "name": self.name,
            "size": self.size,
            "contentType": self.content_type,
            "sha256": self.sha256,
            "multipart": self.multipart,
            "partSize": self.part_size,
            "folder": self.folder,
            "metadata": given_pairs(self.metadata),
        }
        return {name: value for name, value in given.items() if value is not strawberry.UNSET}


@strawberry.input(description="The checksum of one part.")
class PartSha256Input:
    part_number: int
    sha256: str = strawberry.field(description="The SHA-256 in hexadecimal.")
