"""The types of the schema, each made from what a use-case answers."""

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

FileStatus = strawberry.enum(Status, name="FileStatus", description="Where a file stands.")
FileFailureReason = strawberry.enum(
    FailureReason, name="FailureReason", description="Why verification ended in FAILED."
)
DownloadDisposition = strawberry.enum(
    Disposition, name="Disposition", description="Whether a browser saves a download or shows it."
)
FileSort = strawberry.enum(
    filters.Sort,
    name="FileSort",
    description="What files are sorted by: names by code points, so Z before a.",
)
SortOrder = strawberry.enum(filters.Order, name="SortOrder", description="Which end comes first.")


@strawberry.type(description="One upload and where it stands.")
class File(Node):
    name: str
    size: BigInt = strawberry.field(description="Bytes.")
    content_type: str
    folder: str = strawberry.field(description="Empty at the top, otherwise a path with a slash at its end.")
    metadata: Sequence[MetadataPair] = strawberry.field(
        description="Pairs that the client gave, sorted by key."
    )
    status: FileStatus  # type: ignore[valid-type]
    sha256: str | None = strawberry.field(
        description="Hexadecimal; computed by the server from what arrived."
    )
    duplicate_of: strawberry.ID | None = strawberry.field(
        description="Of a DUPLICATE: the COMPLETED file that holds its content."
    )
    failure_reason: FileFailureReason | None = strawberry.field(description="Of a FAILED file.")  # type: ignore[valid-type]
    created_at: datetime
    completed_at: datetime | None
    deleted_at: datetime | None
    purged_at: datetime | None = strawberry.field(description="When the object left the bucket.")
    source: strawberry.Private[model.File]
    change_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Where a subscription tells it: the change. As `after` it takes a subscription up again.",
    )

    @strawberry.field(
        description="Changes whenever the file does: for `ifMatch` of `updateFile`, and for `If-Match`."
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


@strawberry.type(description="A file and its place in the list.")
class FileEdge:
    node: File
    cursor: str


@strawberry.type(
    description="Some files of a list (Relay connection). A page may be short or empty: go on from"
    " `pageInfo.endCursor` while `pageInfo.hasNextPage` is true."
)
class FileConnection:
    edges: Sequence[FileEdge]
    page_info: PageInfo
    count: strawberry.Private[Callable[[], Coroutine[Any, Any, int | None]]]
    counting: strawberry.Private[asyncio.Task[int | None] | None] = None

    @strawberry.field(
        description="How many files the list has over all pages; null if that takes too long to find out."
    )
    async def total_count(self) -> int | None:
        # Once, however many aliases ask.
        if self.counting is None:
            self.counting = asyncio.create_task(self.count())
        return await self.counting

    @classmethod
    def of(cls, page: Page, after: str | None, count: Callable[[], Coroutine[Any, Any, int | None]]) -> Self:
        edges = [FileEdge(node=File.of(file), cursor=page.cursor_of(file)) for file in page.items]
        return cls(
            edges=edges,
            # A short page ends beyond its last file: at the place up to which it was searched.
            page_info=page_info(edges, after, has_more=page.next_cursor is not None, end=page.next_cursor),
            count=count,
        )


@strawberry.type(description="A header to send.")
class Header:
    name: str
    value: str


@strawberry.type(description="The one request that may carry the bytes, straight to the object store.")
class Upload:
    url: str
    method: str
    headers: Sequence[Header] = strawberry.field(description="Send exactly these.")
    content_length: BigInt = strawberry.field(
        description="The body's length in bytes. HTTP clients set Content-Length themselves; set it if yours"
        " streams a body whose length it does not know."
    )
    expires_at: datetime = strawberry.field(description="The upload must begin before.")

    @classmethod
    def of(cls, upload: PresignedRequest) -> Self:
        return cls(
            url=upload.url,
            method=upload.method,
            headers=[Header(name=name, value=value) for name, value in upload.headers.items()],
            content_length=BigInt(upload.content_length),
            expires_at=upload.expires_at,
        )


@strawberry.type(description="How a file is cut into parts; their URLs are asked for when they are needed.")
class Multipart:
    part_size: BigInt = strawberry.field(
        description="Bytes of every part but the last, which may be shorter."
    )
    part_count: int = strawberry.field(description="Parts are numbered from 1.")
    expires_at: datetime = strawberry.field(
        description="The upload is given up soon after. Asking for parts puts it off."
    )

    @classmethod
    def of(cls, multipart: MultipartPlan) -> Self:
        return cls(
            part_size=BigInt(multipart.part_size),
            part_count=multipart.part_count,
            expires_at=multipart.expires_at,
        )


@strawberry.type(
    description="A file and how to send it: `upload` or `multipart`, or neither where its owner has the"
    " content already."
)
class RequestUploadPayload:
    file: File
    upload: Upload | None = strawberry.field(description="One PUT that carries all.")
    multipart: Multipart | None = strawberry.field(description="A plan of parts.")

    @classmethod
    def of(cls, requested: UploadGrant) -> Self:
        return cls(
            file=File.of(requested.file),
            upload=None if requested.upload is None else Upload.of(requested.upload),
            multipart=None if requested.multipart is None else Multipart.of(requested.multipart),
        )


@strawberry.type(description="The one request that may carry this part.")
class PartUpload(Upload):
    part_number: int

    @classmethod
    def of_part(cls, part: PresignedPart) -> Self:
        return cls(part_number=part.number, **vars(Upload.of(part.request)))


@strawberry.type(description="How to send some parts.")
class RequestPartsPayload:
    parts: Sequence[PartUpload]


@strawberry.type(description="A part that the store holds.")
class Part:
    part_number: int
    size: BigInt = strawberry.field(description="Bytes.")
    etag: str


@strawberry.type(description="The plan of a file that is sent in parts, and which of them have arrived.")
class Parts(Multipart):
    parts: Sequence[Part]

    @classmethod
    def of_progress(cls, progress: Progress) -> Self:
        arrived = [
            Part(part_number=part.number, size=BigInt(part.size), etag=part.etag) for part in progress.parts
        ]
        return cls(**vars(Multipart.of(progress.multipart)), parts=arrived)


@strawberry.type(description="Where the bytes are, for a while.")
class DownloadLink:
    url: str
    method: str
    expires_at: datetime

    @classmethod
    def of(cls, download: PresignedRequest) -> Self:
        return cls(url=download.url, method=download.method, expires_at=download.expires_at)


@strawberry.input(description="An upload to announce.")
class RequestUploadInput:
    name: str = strawberry.field(description="The file's name: no path, no control characters.")
    size: BigInt = strawberry.field(description="How many bytes will be sent, exactly.")
    content_type: str | None = strawberry.field(
        default=strawberry.UNSET, description="The media type; the upload must be sent with it."
    )
    sha256: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="SHA-256 of the content, in hexadecimal. The store then refuses any other content.",
    )
    multipart: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether to send the file in parts. If not given, only what one PUT cannot carry is.",
    )
    part_size: BigInt | None = strawberry.field(
        default=strawberry.UNSET,
        description="The size of parts to use, in bytes: 5 MiB to 5 GiB, 16 MiB if not given. The payload's"
        " `multipart.partSize` is the size in force: larger if there would be more than 10,000 parts.",
    )
    folder: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The folder, such as `photos/2026/`; the top, which is empty, if not given.",
    )
    metadata: list[MetadataInput] | None = strawberry.field(
        default=strawberry.UNSET, description="Up to 24 pairs of your own, 8192 bytes in all."
    )

    def fields(self) -> dict[str, object]:
        """What was given, by the names that REST and GraphQL have in common."""
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
    sha256: str = strawberry.field(description="In hexadecimal.")
