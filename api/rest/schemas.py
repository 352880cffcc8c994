"""The models of REST requests and responses. They validate, and OpenAPI is generated from them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

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
OperationId = Annotated[str, Field(pattern="^[0-9a-f]{24}$", examples=["6b0441f8342f2be4ee31a0c2"])]


class QuerySchema(Schema):
    """A query string.

    An unknown parameter is an error, because a misspelled filter would match everything.
    """

    # A parameter has only its camelCase name.
    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class ListQuery(QuerySchema, Listing):
    """The parameters of a list of files."""

    total_count: bool = Field(
        default=False, description="Whether to count the files of all pages, if that does not take too long."
    )


def idempotency_key_header(result: str) -> Any:
    """Return the field of the header Idempotency-Key. ``result`` is what a repeat returns again."""
    return Field(
        default=None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_IDEMPOTENCY_KEY_CHARACTERS,
        pattern="^[ -~]*$",
        description="Makes the request safe to repeat: for a day, the same key and body return the same"
        f" {result}.",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    )


class UploadHeaders(BaseModel):
    """The headers of an upload-request."""

    idempotency_key: str | None = idempotency_key_header("file")


class UpdateHeaders(BaseModel):
    """The headers of an update."""

    if_match: str | None = Field(
        default=None,
        alias="If-Match",
        description="ETags that `getFile` returned. The file is updated only if it still has one of them.",
    )


class DownloadQuery(QuerySchema):
    """The parameters of a download."""

    disposition: Disposition = Field(
        default=Disposition.ATTACHMENT,
        description="`inline` lets a browser show the file. Only images (not SVG), audio, video, PDF and "
        "plain text can be inline. Other types are always an attachment.",
    )
    redirect: bool = Field(
        default=False, description="Whether to return a 307 redirect to the URL instead of JSON."
    )


class EventsQuery(QuerySchema):
    """The parameters of a stream of events."""

    id: str | None = Field(default=None, description="Only this file. The first event is its current state.")
    after: str | None = Field(
        default=None,
        description="Like `Last-Event-ID`, for EventSource, which cannot send that header at its start.",
    )
    ticket: str | None = Field(
        default=None, description="A ticket of `createEventTicket` instead of a token. It is valid once."
    )


class EventTicket(Schema):
    """A ticket that opens one stream of events without a token."""

    ticket: str = Field(description="The value of `?ticket=` of `followFiles`.")
    expires_at: Time = Field(description="When the ticket expires.")

    @classmethod
    def of(cls, ticket: tickets.EventTicket) -> "EventTicket":
        """Render a ticket."""
        return cls(ticket=ticket.ticket, expires_at=ticket.expires_at)


class EventHeaders(BaseModel):
    """The headers of a stream of events."""

    last_event_id: str | None = Field(
        default=None,
        alias="Last-Event-ID",
        description="The `id` of the last event. The stream resumes after it.",
    )


class Upload(Schema):
    """The request that sends the bytes, straight to the object store."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str] = Field(description="Send exactly these headers.")
    content_length: int = Field(
        description="The length of the body in bytes. HTTP clients set Content-Length themselves. Set it if"
        " your client streams a body of unknown length."
    )
    expires_at: Time = Field(description="The upload must begin before this time.")

    @classmethod
    def of(cls, upload: PresignedRequest) -> Self:
        """Return the JSON model of a presigned PUT."""
        return cls(
            method="PUT",
            url=upload.url,
            headers=dict(upload.headers),
            content_length=upload.content_length,
            expires_at=upload.expires_at,
        )


class Multipart(Schema):
    """How to split a file into parts. Request their URLs when you need them."""

    part_size: int = Field(description="The size of each part in bytes. The last part may be shorter.")
    part_count: int = Field(description="The number of parts. The first part has the number 1.")
    expires_at: Time = Field(
        description="The upload expires soon after this time. A request for parts delays it."
    )

    @classmethod
    def of(cls, multipart: MultipartPlan) -> Self:
        """Return the JSON model of a plan."""
        return cls(
            part_size=multipart.part_size,
            part_count=multipart.part_count,
            expires_at=multipart.expires_at,
        )


class UploadAnswer(Schema):
    """A file and how to send it: `upload`, or `multipart`, or neither if its content is already stored."""

    file: File
    upload: Upload | None
    multipart: Multipart | None

    @classmethod
    def of(cls, requested: UploadGrant) -> Self:
        """Return the JSON model of a grant."""
        return cls(
            file=File.of(requested.file),
            upload=None if requested.upload is None else Upload.of(requested.upload),
            multipart=None if requested.multipart is None else Multipart.of(requested.multipart),
        )


class PartUpload(Upload):
    """The request that sends this part."""

    part_number: int


class PartUploads(Schema):
    """The requests that send some parts."""

    parts: list[PartUpload]

    @classmethod
    def of(cls, presigned: Sequence[PresignedPart]) -> Self:
        """Return the JSON model of presigned parts."""
        return cls(
            parts=[PartUpload(part_number=part.number, **dict(Upload.of(part.request))) for part in presigned]
        )


class Part(Schema):
    """A part that the store holds."""

    part_number: int
    size: int = Field(description="Size in bytes.")
    etag: str


class Parts(Multipart):
    """The plan, and the parts that have arrived."""

    parts: list[Part]

    @classmethod
    def of_progress(cls, progress: Progress) -> Self:
        """Return the JSON model of the progress."""
        arrived = [Part(part_number=part.number, size=part.size, etag=part.etag) for part in progress.parts]
        return cls(**dict(Multipart.of(progress.multipart)), parts=arrived)


class FilePage(Schema):
    """Some files of a list. A page may be short or empty. Continue while `nextCursor` is not null."""

    items: Sequence[File]
    next_cursor: str | None = Field(description="The cursor of the next page; null on the last page only.")
    total_count: int | None = Field(
        ge=0,
        description="The number of files on all pages; null without `totalCount=true`, or if counting takes"
        " too long.",
    )

    @classmethod
    def of(cls, page: Page, total_count: int | None) -> Self:
        """Return the JSON model of a page."""
        return cls(
            items=[File.of(file) for file in page.items],
            next_cursor=page.next_cursor,
            total_count=total_count,
        )


class DownloadLink(Schema):
    """A URL for the bytes, which expires."""

    url: str
    method: Literal["GET"]
    expires_at: Time

    @classmethod
    def of(cls, download: PresignedRequest) -> Self:
        """Return the JSON model of a presigned GET."""
        return cls(url=download.url, method="GET", expires_at=download.expires_at)


class Problem(Schema):
    """An error (RFC 9457). `code` is stable. Other members are facts about this error."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(json_schema_extra={"enum": list(STATUS)})
    fields: dict[str, str] | None = Field(
        default=None, description="For `invalid_input`: what is wrong with each field."
    )
