"""What REST requests and answers look like. These models validate, and OpenAPI is made from them."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from api.errors import STATUS
from waybill.events import tickets
from waybill.files.disposition import Disposition
from waybill.files.file_json import File, Schema, Time
from waybill.files.listing.list_files import Listing, Page
from waybill.files.open_upload import MultipartPlan, UploadGrant
from waybill.files.parts import PresignedPart, Progress
from waybill.files.upload_request import MAX_IDEMPOTENCY_KEY_CHARACTERS
from waybill.platform.presign import PresignedRequest

WebhookId = Annotated[str, Field(pattern="^[0-9a-f]{24}$", examples=["6b0440ad342f2be4ee31971e"])]
DeliveryId = Annotated[
    str, Field(pattern="^msg_[0-9a-f]{32}$", examples=["msg_0123456789abcdef0123456789abcdef"])
]


class QuerySchema(Schema):
    """A query string; an unknown parameter is an error, for it would be a filter that filters nothing."""

    # A parameter has one name.
    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class ListQuery(QuerySchema, Listing):
    """Which files, in which order, and how many."""

    total_count: bool = Field(
        default=False, description="Also count the files of all pages, if that does not take too long."
    )


class UploadHeaders(BaseModel):
    """What may go along with an announcement."""

    idempotency_key: str | None = Field(
        default=None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_IDEMPOTENCY_KEY_CHARACTERS,
        pattern="^[ -~]*$",
        description="A repeat with the same key and body answers the same file, for a day.",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    )


class UpdateHeaders(BaseModel):
    """What an update may demand."""

    if_match: str | None = Field(
        default=None,
        alias="If-Match",
        description="ETags that `getFile` has returned: the file is updated only if it still has one.",
    )


class DownloadQuery(QuerySchema):
    """How to hand out a download."""

    disposition: Disposition = Field(
        default=Disposition.ATTACHMENT,
        description="`inline` lets a browser show the file. Only pictures (not SVG), audio, video, PDF and "
        "plain text can be inline; all else is an attachment.",
    )
    redirect: bool = Field(default=False, description="Answer 307 to the URL instead of naming it.")


class EventsQuery(QuerySchema):
    """Which files to be told of."""

    id: str | None = Field(default=None, description="This one alone, and first of all as it stands.")
    after: str | None = Field(
        default=None,
        description="As `Last-Event-ID`, for an EventSource, which cannot send that header at its start.",
    )
    ticket: str | None = Field(
        default=None, description="A ticket of `createEventTicket`, in place of a token. It is good once."
    )


class EventTicket(Schema):
    """What opens one stream of events without a token."""

    ticket: str = Field(description="For `?ticket=` of `followFiles`, once.")
    expires_at: Time = Field(description="When it is no longer good.")

    @classmethod
    def of(cls, ticket: tickets.EventTicket) -> "EventTicket":
        """Render a ticket."""
        return cls(ticket=ticket.ticket, expires_at=ticket.expires_at)


class EventHeaders(BaseModel):
    """Where to go on."""

    last_event_id: str | None = Field(
        default=None,
        alias="Last-Event-ID",
        description="The `id` of the last event: all that came after it is told now.",
    )


class Upload(Schema):
    """The one request that may carry the bytes, straight to the object store."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str] = Field(description="Send exactly these.")
    content_length: int = Field(
        description="The body's length in bytes. HTTP clients set Content-Length themselves; set it if yours"
        " streams a body whose length it does not know."
    )
    expires_at: Time = Field(description="The upload must begin before.")

    @classmethod
    def of(cls, upload: PresignedRequest) -> Self:
        """A presigned PUT as clients see it."""
        return cls(
            method="PUT",
            url=upload.url,
            headers=dict(upload.headers),
            content_length=upload.content_length,
            expires_at=upload.expires_at,
        )


class Multipart(Schema):
    """How a file is cut into parts; their URLs are asked for when they are needed."""

    part_size: int = Field(description="Bytes of every part but the last, which may be shorter.")
    part_count: int = Field(description="Parts are numbered from 1.")
    expires_at: Time = Field(description="The upload is given up soon after. Asking for parts puts it off.")

    @classmethod
    def of(cls, multipart: MultipartPlan) -> Self:
        """A plan as clients see it."""
        return cls(
            part_size=multipart.part_size,
            part_count=multipart.part_count,
            expires_at=multipart.expires_at,
        )


class UploadAnswer(Schema):
    """A file and how to send it: `upload`, or `multipart`, or neither where its content is there already."""

    file: File
    upload: Upload | None
    multipart: Multipart | None

    @classmethod
    def of(cls, requested: UploadGrant) -> Self:
        """A use-case's answer as clients see it."""
        return cls(
            file=File.of(requested.file),
            upload=None if requested.upload is None else Upload.of(requested.upload),
            multipart=None if requested.multipart is None else Multipart.of(requested.multipart),
        )


class PartUpload(Upload):
    """The one request that may carry this part."""

    part_number: int


class PartUploads(Schema):
    """How to send some parts."""

    parts: list[PartUpload]

    @classmethod
    def of(cls, presigned: Sequence[PresignedPart]) -> Self:
        """Presigned parts as clients see them."""
        return cls(
            parts=[PartUpload(part_number=part.number, **dict(Upload.of(part.request))) for part in presigned]
        )


class Part(Schema):
    """A part that the store holds."""

    part_number: int
    size: int = Field(description="Bytes.")
    etag: str


class Parts(Multipart):
    """The plan, and which parts have arrived."""

    parts: list[Part]

    @classmethod
    def of_progress(cls, progress: Progress) -> Self:
        """Progress as clients see it."""
        arrived = [Part(part_number=part.number, size=part.size, etag=part.etag) for part in progress.parts]
        return cls(**dict(Multipart.of(progress.multipart)), parts=arrived)


class FilePage(Schema):
    """Some files of a list. A page may be short or empty: go on while `nextCursor` is there."""

    items: Sequence[File]
    next_cursor: str | None = Field(description="Null on the last page, and on no other.")
    total_count: int | None = Field(
        ge=0,
        description="How many files the list has over all pages; null without `totalCount=true`, or if that "
        "takes too long to find out.",
    )

    @classmethod
    def of(cls, page: Page, total_count: int | None) -> Self:
        """A page as clients see it."""
        return cls(
            items=[File.of(file) for file in page.items],
            next_cursor=page.next_cursor,
            total_count=total_count,
        )


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
