"""The request model of an upload, and its rules. REST and GraphQL validate with it."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from waybill.files.content_type import CONTENT_TYPE_PATTERN, MAX_CONTENT_TYPE_CHARACTERS, parse_content_type
from waybill.files.file_name import MAX_NAME_CHARACTERS, NAME_SCHEMA, check_name
from waybill.files.folder import Folder
from waybill.files.metadata import MAX_METADATA_BYTES, MAX_PAIRS, Metadata
from waybill.files.part_plan import MAX_PART_BYTES, MIN_PART_BYTES
from waybill.platform.errors import InvalidInput
from waybill.platform.validation import Whole

MAX_IDEMPOTENCY_KEY_CHARACTERS = 255


ContentType = Annotated[
    str,
    Field(max_length=MAX_CONTENT_TYPE_CHARACTERS, json_schema_extra={"pattern": CONTENT_TYPE_PATTERN}),
    AfterValidator(parse_content_type),
]

_SHA256 = re.compile("[0-9a-fA-F]{64}")


def _check_sha256(text: str) -> str:
    if _SHA256.fullmatch(text) is None:
        raise ValueError("must be 64 hexadecimal digits")
    return text.lower()


Sha256 = Annotated[
    str, AfterValidator(_check_sha256), Field(json_schema_extra={"pattern": f"^{_SHA256.pattern}$"})
]


# Pydantic would write the bounds of a union with null as `ge` and `le`, which JSON Schema does not have.
PartSize = Annotated[int, Field(ge=MIN_PART_BYTES, le=MAX_PART_BYTES), Whole]


class UploadRequest(BaseModel):
    """A request for an upload."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)

    name: Annotated[str, AfterValidator(check_name)] = Field(
        min_length=1,
        max_length=MAX_NAME_CHARACTERS,
        description="The file's name: no path, no control characters.",
        examples=["holiday.jpg"],
        json_schema_extra=NAME_SCHEMA,
    )
    size: Annotated[int, Whole] = Field(ge=0, description="The exact size in bytes.", examples=[1048576])
    content_type: ContentType | None = Field(
        default=None,
        description="The media type (RFC 9110); application/octet-stream if not given or empty. It is"
        " returned in one form. Send the bytes with the type of the response.",
        examples=["image/jpeg"],
    )
    sha256: Sha256 | None = Field(
        default=None,
        description="The SHA-256 of the content, in hexadecimal. The store then refuses other content, and "
        "content that the owner has already stored needs no upload.",
    )
    multipart: bool | None = Field(
        default=None,
        description="Whether to send the file in parts. If not given, only files above a size that the"
        " operator sets are sent in parts. An empty file never is.",
    )
    part_size: PartSize | None = Field(
        default=None,
        description="The size of each part in bytes: 5 MiB to 5 GiB, 16 MiB if not given. The response"
        " returns the size to use in `multipart.partSize`. It is larger if there would be more than 10,000"
        " parts. No effect on a file that is sent by one PUT.",
        examples=[8388608],
    )
    folder: Folder | None = Field(
        default=None,
        description="The folder, such as `photos/2026/`. If not given, the top folder, which is empty.",
        examples=["photos/2026/"],
    )
    metadata: Metadata | None = Field(
        default=None,
        description=f"Your own keys and values: up to {MAX_PAIRS} pairs, {MAX_METADATA_BYTES} bytes in"
        " total.",
        examples=[{"album": "summer"}],
    )


def check_idempotency_key(key: str) -> None:
    """Refuse a key that cannot be sent as a header.

    Raises:
        InvalidInput: the key is empty, long, or has characters beyond ASCII.
    """
    if not (0 < len(key) <= MAX_IDEMPOTENCY_KEY_CHARACTERS and key.isascii() and key.isprintable()):
        raise InvalidInput(
            {"idempotencyKey": f"must be 1 to {MAX_IDEMPOTENCY_KEY_CHARACTERS} printable ASCII characters"}
        )
