"""A file as clients see it in JSON: REST answers with it, and webhooks carry it."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from waybill.files import model
from waybill.files.lifecycle import FailureReason, Status
from waybill.files.metadata import metadata_of
from waybill.platform.times import rfc3339

Time = Annotated[
    datetime, PlainSerializer(rfc3339), WithJsonSchema({"type": "string", "format": "date-time"})
]
FileId = Annotated[str, Field(pattern="^[0-9a-f]{24}$", examples=["6b043f91342f2be4ee3195a4"])]


#: The stored fields that clients see, in one form or another. A change of any other, such as a lease, is no
#: change to them.
VISIBLE_FIELDS = frozenset(
    {
        *("name", "size", "content_type", "status", "sha256", "duplicate_of", "failure_reason"),
        *("created_at", "completed_at", "deleted_at", "purged_at", "folder", "metadata"),
    }
)


class Schema(BaseModel):
    """camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class File(Schema):
    """One upload and where it stands."""

    id: FileId
    name: str = Field(examples=["holiday.jpg"])
    size: int = Field(ge=0, description="Bytes.", examples=[1048576])
    content_type: str = Field(examples=["image/jpeg"])
    folder: str = Field(
        description="Empty at the top, otherwise a path with a slash at its end.", examples=["photos/2026/"]
    )
    metadata: dict[str, str] = Field(
        description="Pairs that the client gave.", examples=[{"album": "summer"}]
    )
    status: Status
    sha256: str | None = Field(
        pattern="^[0-9a-f]{64}$", description="Hexadecimal; computed by the server from what arrived."
    )
    duplicate_of: FileId | None = Field(
        description="Of a DUPLICATE: the COMPLETED file that holds its content."
    )
    failure_reason: FailureReason | None = Field(description="Of a FAILED file.")
    created_at: Time
    completed_at: Time | None
    deleted_at: Time | None
    purged_at: Time | None = Field(description="When the object left the bucket.")

    @classmethod
    def of(cls, file: model.File) -> Self:
        """A document as clients see it."""
        return cls(
            id=file.file_id,
            name=file.name,
            size=file.size,
            content_type=file.content_type,
            folder=file.folder or "",
            metadata=metadata_of(file.metadata),
            status=file.status,
            sha256=file.sha256,
            duplicate_of=None if file.duplicate_of is None else str(file.duplicate_of),
            failure_reason=file.failure_reason,
            created_at=file.created_at,
            completed_at=file.completed_at,
            deleted_at=file.deleted_at,
            purged_at=file.purged_at,
        )
