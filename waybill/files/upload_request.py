"""What a client announces, and the rules that it must keep."""

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


# Bounds of a union with null would be written as `ge` and `le`, which JSON Schema does not have.
PartSize = Annotated[int, Field(ge=MIN_PART_BYTES, le=MAX_PART_BYTES), Whole]


class UploadRequest(BaseModel):
    """An upload as a client announces it. Both faces validate with it, and OpenAPI is made from it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)

    name: Annotated[str, AfterValidator(check_name)] = Field(
        min_length=1,
        max_length=MAX_NAME_CHARACTERS,
        description="The file's name: no path, no control characters.",
        examples=["holiday.jpg"],
        json_schema_extra=NAME_SCHEMA,
    )
    size: Annotated[int, Whole] = Field(
        ge=0, description="How many bytes will be sent, exactly.", examples=[1048576]
    )
    content_type: ContentType | None = Field(
        default=None,
        description="The media type (RFC 9110); application/octet-stream if not given or empty. Spaces around"
        " semicolons are made one form. The upload must be sent with the type that is answered.",
        examples=["image/jpeg"],
    )
    sha256: Sha256 | None = Field(
        default=None,
        description="SHA-256 of the content, in hexadecimal. The store then refuses any other content, and "
        "content that this owner has stored already needs no upload.",
    )
    multipart: bool | None = Field(
        default=None,
        description="Whether to send the file in parts. If not given, only what one PUT cannot carry is. "
        "An empty file never is.",
    )
    part_size: PartSize | None = Field(
        default=None,
        description="The size of parts to use, in bytes: 5 MiB to 5 GiB, 16 MiB if not given. The answer's"
        " `multipart.partSize` is the size in force: larger if there would be more than 10,000 parts. Has no"
        " effect on a file that is sent by one PUT.",
        examples=[8388608],
    )
    folder: Folder | None = Field(
        default=None,
        description="The folder, such as `photos/2026/`; the top, which is empty, if not given.",
        examples=["photos/2026/"],
    )
    metadata: Metadata | None = Field(
        default=None,
        description=f"Up to {MAX_PAIRS} pairs of your own, {MAX_METADATA_BYTES} bytes in all.",
        examples=[{"album": "summer"}],
    )


def check_idempotency_key(key: str) -> None:
    """Refuse what could not be sent as a header.

    Raises:
        InvalidInput: the key is empty, long, or has characters beyond ASCII.
    """
    if not (0 < len(key) <= MAX_IDEMPOTENCY_KEY_CHARACTERS and key.isascii() and key.isprintable()):
        raise InvalidInput(
            {"idempotencyKey": f"must be 1 to {MAX_IDEMPOTENCY_KEY_CHARACTERS} printable ASCII characters"}
        )
