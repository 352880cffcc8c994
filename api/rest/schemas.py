"""What REST requests and answers look like. These models validate, and OpenAPI is made from them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema

from api.errors import STATUS
from api.times import rfc3339
from waybill import documents
from waybill.disposition import Disposition
from waybill.lifecycle import FailureReason, Status
from waybill.presign import PresignedRequest
from waybill.usecases.read import MAX_PAGE, Page
from waybill.usecases.request import Requested

Time = Annotated[
    datetime, PlainSerializer(rfc3339), WithJsonSchema({"type": "string", "format": "date-time"})
]
FileId = Annotated[str, Field(pattern="^[0-9a-f]{24}$", examples=["6b043f91342f2be4ee3195a4"])]


class Schema(BaseModel):
    """camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def _absent_rather_than_null(schema: dict[str, Any]) -> None:
    for parameter in schema["properties"].values():
        if parameter.get("default", "") is None:
            del parameter["default"]


class QuerySchema(Schema):
    """A query string; an unknown parameter is an error, for it would be a filter that filters nothing."""

    # A query string has no null.
    model_config = ConfigDict(extra="forbid", json_schema_extra=_absent_rather_than_null)


class ListQuery(QuerySchema):
    """Which files, and how many."""

    limit: int = Field(default=20, ge=1, le=MAX_PAGE, description="Files per page.")
    # Of a format of its own, for no pattern tells a cursor of ours from a made-up one.
    cursor: str | SkipJsonSchema[None] = Field(
        default=None,
        description="`nextCursor` of the page before, unchanged.",
        json_schema_extra={"format": "cursor"},
    )
    status: list[Status] = Field(default=[], description="Only these statuses; repeat for several.")
    name: str | SkipJsonSchema[None] = Field(
        default=None, description="Only names that begin with this; case matters."
    )


class DownloadQuery(QuerySchema):
    """How to hand out a download."""

    disposition: Disposition = Field(
        default=Disposition.ATTACHMENT,
        description="`inline` lets a browser show the file. HTML, SVG and XML are always attachments.",
    )
    redirect: bool = Field(default=False, description="Answer 307 to the URL instead of naming it.")


class File(Schema):
    """One upload and where it stands."""

    id: FileId
    name: str = Field(examples=["holiday.jpg"])
    size: int = Field(ge=0, description="Bytes.", examples=[1048576])
    content_type: str = Field(examples=["image/jpeg"])
    status: Status
    sha256: str | None = Field(
        pattern="^[0-9a-f]{64}$", description="Hexadecimal; computed by the server from what arrived."
    )
    duplicate_of: FileId | None = Field(
        description="Of a DUPLICATE: the COMPLETED file with the same content."
    )
    failure_reason: FailureReason | None = Field(description="Of a FAILED file.")
    created_at: Time
    completed_at: Time | None
    deleted_at: Time | None
    purged_at: Time | None = Field(description="When the object left the bucket.")

    @classmethod
    def of(cls, file: documents.File) -> Self:
        """A document as clients see it."""
        return cls(
            id=file.file_id,
            name=file.name,
            size=file.size,
            content_type=file.content_type,
            status=file.status,
            sha256=file.sha256,
            duplicate_of=None if file.duplicate_of is None else str(file.duplicate_of),
            failure_reason=file.failure_reason,
            created_at=file.created_at,
            completed_at=file.completed_at,
            deleted_at=file.deleted_at,
            purged_at=file.purged_at,
        )


class Upload(Schema):
    """The one request that may carry the bytes, straight to the object store."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str] = Field(description="Send exactly these.")
    expires_at: Time = Field(description="The upload must begin before.")

    @classmethod
    def of(cls, upload: PresignedRequest) -> Self:
        """A presigned PUT as clients see it."""
        return cls(method="PUT", url=upload.url, headers=dict(upload.headers), expires_at=upload.expires_at)


class UploadAnswer(Schema):
    """A file and how to send it; `upload` is null where this owner has stored the content already."""

    file: File
    upload: Upload | None

    @classmethod
    def of(cls, requested: Requested) -> Self:
        """A use-case's answer as clients see it."""
        upload = None if requested.upload is None else Upload.of(requested.upload)
        return cls(file=File.of(requested.file), upload=upload)


class FilePage(Schema):
    """Files, newest first."""

    items: Sequence[File]
    next_cursor: str | None = Field(description="Null on the last page.")

    @classmethod
    def of(cls, page: Page) -> Self:
        """A page as clients see it."""
        return cls(items=[File.of(file) for file in page.items], next_cursor=page.next_cursor)


class DownloadLink(Schema):
    """Where the bytes are, for a while."""

    url: str
    method: Literal["GET"]
    expires_at: Time

    @classmethod
    def of(cls, download: PresignedRequest) -> Self:
        """A presigned GET as clients see it."""
        return cls(url=download.url, method="GET", expires_at=download.expires_at)


class Problem(Schema):
    """An error (RFC 9457). `code` is stable; other members give facts about this one."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(json_schema_extra={"enum": list(STATUS)})
    fields: dict[str, str] | None = Field(default=None, description="Of invalid_input: what is wrong where.")
