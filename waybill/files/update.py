"""Update the fields of a file that clients set: name, content type, folder and metadata.

The object does not change, because each download URL signs the name and the content type.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from waybill.files import repository, transitions
from waybill.files.etag import etag_of, is_match
from waybill.files.file_json import VISIBLE_FIELDS
from waybill.files.file_name import MAX_NAME_CHARACTERS, NAME_SCHEMA, check_name
from waybill.files.folder import Folder
from waybill.files.metadata import (
    METADATA_SCHEMA,
    check_key,
    check_metadata,
    check_value,
    metadata_of,
    of_pairs,
    stored_metadata,
)
from waybill.files.model import File
from waybill.files.request import DEFAULT_TYPE
from waybill.files.upload_request import ContentType
from waybill.platform.errors import InvalidInput, PreconditionFailed, WrongState
from waybill.platform.principal import Principal
from waybill.platform.settings import Settings

#: A merge patch (RFC 7396) can express every update, because no field that a client sets is ever null.
MERGE_PATCH = "application/merge-patch+json"


def _check_pairs(pairs: dict[str, str | None]) -> dict[str, str | None]:
    for key, value in pairs.items():
        check_key(key)
        if value is not None:
            check_value(value)
    return pairs


MetadataChanges = Annotated[
    dict[str, str | None],
    BeforeValidator(of_pairs),
    AfterValidator(_check_pairs),
    Field(json_schema_extra={**METADATA_SCHEMA, "additionalProperties": {"type": ["string", "null"]}}),
]


class FileChanges(BaseModel):
    """The changes of an update (RFC 7396): a field that is not given stays, and null removes it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)

    # A name cannot be null, because it cannot be removed. None means that it is not given.
    name: Annotated[str, AfterValidator(check_name)] = Field(
        default=None,  # type: ignore[assignment]
        min_length=1,
        max_length=MAX_NAME_CHARACTERS,
        description="The file's name: no path, no control characters. It cannot be removed.",
        examples=["holiday.jpg"],
        json_schema_extra=NAME_SCHEMA,
    )
    content_type: ContentType | None = Field(
        default=None,
        description="The media type of downloads. null sets application/octet-stream.",
        examples=["image/jpeg"],
    )
    folder: Folder | None = Field(default=None, description="The folder. null sets the top folder.")
    metadata: MetadataChanges | None = Field(
        default=None,
        description="Pairs to set. A value of null removes that pair, and null instead of the object removes"
        " all pairs. The result must follow the rules of an upload-request.",
        examples=[{"album": "summer", "draft": None}],
    )

    def applied_to(self, file: File) -> dict[str, Any]:
        """Return the stored fields that change, with their new values.

        Raises:
            InvalidInput: the resulting metadata is too large.
        """
        changes: dict[str, Any] = {}
        if "name" in self.model_fields_set:
            changes["name"] = self.name
        if "content_type" in self.model_fields_set:
            changes["content_type"] = self.content_type or DEFAULT_TYPE
        if "folder" in self.model_fields_set:
            changes["folder"] = self.folder or None
        if "metadata" in self.model_fields_set:
            merged = {**metadata_of(file.metadata), **self.metadata} if self.metadata is not None else {}
            try:
                checked = check_metadata({key: value for key, value in merged.items() if value is not None})
            except ValueError as error:
                raise InvalidInput({"metadata": str(error)}) from None
            changes["metadata"] = stored_metadata(checked)
        return {field: value for field, value in changes.items() if value != getattr(file, field)}


async def update_file(
    settings: Settings,
    principal: Principal,
    file_id: str,
    file_changes: FileChanges,
    if_match: str | None = None,
) -> File:
    """Update a file of any status that is not deleted. A repeat changes nothing.

    Args:
        if_match: The value of the header If-Match: the file must have one of these ETags.

    Raises:
        FileNotFound: no such file of this owner.
        InvalidInput: the content type is not one of CONTENT_TYPES, or the metadata would be too large.
        PreconditionFailed: the file has changed since its ETag was returned.
        WrongState: the file is deleted.
        ServiceUnavailable: MongoDB is unavailable; a repeat is safe.
    """
    while True:
        file = await repository.find(file_id, principal.owner)
        if file.deleted_at is not None:
            raise WrongState(
                "The file is deleted. Restore it first.", id=file.file_id, fileStatus=file.status.value
            )
        if if_match is not None and not is_match(if_match, etag_of(file)):
            raise PreconditionFailed(file.file_id)
        changes = file_changes.applied_to(file)
        if not settings.admits(changes.get("content_type", file.content_type)) and "content_type" in changes:
            raise InvalidInput({"contentType": f"must be one of {', '.join(settings.content_types)}"})
        if not changes:
            return file
        # Compare with the values that were read, so that parallel updates of the metadata lose nothing.
        read = VISIBLE_FIELDS if if_match is not None else changes
        expected = {field: getattr(file, field) for field in read} | {"deleted_at": None}
        updated = await transitions.change(file, expected, **changes)
        if updated is not None:
            return updated
