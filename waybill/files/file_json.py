"""A file as JSON: the body of REST responses, and the data of webhooks."""

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


#: The stored fields that clients receive in some form. A change of any other field, such as a lease, is not
#: published.
VISIBLE_FIELDS = frozenset(
    {
        *("name", "size", "content_type", "status", "sha256", "duplicate_of", "failure_reason"),
        *("created_at", "completed_at", "deleted_at", "purged_at", "folder", "metadata"),
    }
)


class Schema(BaseModel):
    """Base of models that are camelCase in JSON and snake_case in Python."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class File(Schema):
    """One file: its upload, and its status."""

    id: FileId
    name: str = Field(examples=["holiday.jpg"])
    size: int = Field(ge=0, description="Size in bytes.", examples=[1048576])
    content_type: str = Field(examples=["image/jpeg"])
    folder: str = Field(
        description="A path that ends with a slash; empty for the top folder.", examples=["photos/2026/"]
    )
    metadata: dict[str, str] = Field(
        description="The client's own keys and values.", examples=[{"album": "summer"}]
    )
    status: Status
    sha256: str | None = Field(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the stored bytes, in hexadecimal; null until the file is verified.",
    )
    duplicate_of: FileId | None = Field(
        description="The id of the COMPLETED file that holds the content. Set only if `status` is DUPLICATE."
    )
    failure_reason: FailureReason | None = Field(description="Why the file is FAILED; null otherwise.")
    created_at: Time
    completed_at: Time | None
    deleted_at: Time | None
    purged_at: Time | None = Field(description="When the object was removed from the bucket.")

    @classmethod
    def of(cls, file: model.File) -> Self:
        """Return the JSON model of a stored file."""
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
