"""Announce an upload: check it, remember it, hand out the URL."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from waybill import documents
from waybill.documents import File
from waybill.errors import FileTooLarge, InvalidInput
from waybill.object_key import make_key
from waybill.presign import PresignedRequest
from waybill.principal import Principal
from waybill.resources import Resources

# Invisible letters that turn the reading direction around make "exe.jpg" of "gpj.exe".
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_ENDS = frozenset("\u2028\u2029")

# The rule of _safe_name for OpenAPI, in a pattern that every dialect reads; a name of dots is left to "not".
_UNSAFE = r"\x00-\x1f\x7f-\x9f/\\" + "".join(
    f"\\u{ord(letter):04x}" for letter in sorted(_REORDERING | _LINE_ENDS)
)
_SPACES = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_NAME: JsonDict = {
    "pattern": f"^[^{_UNSAFE}]*[^{_UNSAFE}{_SPACES}][^{_UNSAFE}]*$",
    "not": {"enum": [".", ".."]},
}

# RFC 9110, 8.3.1: type "/" subtype *( ";" parameter ), without a wildcard.
_WORD = r"[A-Za-z0-9!#$%&'+.^_`|~-]+"
_CONTENT_TYPE = rf"^{_WORD}/{_WORD}( *; *{_WORD}=({_WORD}|\"[ !#-\[\]-~]*\"))*$"


def _safe_name(name: str) -> str:
    if any(unicodedata.category(letter) == "Cc" or letter in _LINE_ENDS for letter in name):
        raise ValueError("must not hold control characters or line ends")
    if any(letter in _REORDERING for letter in name):
        raise ValueError("must not hold characters that change the reading direction")
    if "/" in name or "\\" in name or name in {".", ".."}:
        raise ValueError("must be a file name, not a path")
    if not name.strip():
        raise ValueError("must not be blank")
    return name


def _whole(size: object) -> object:
    # JSON has one kind of number: 5.0 is the integer 5, and some languages write it so.
    return int(size) if isinstance(size, float) and size.is_integer() else size


class UploadDraft(BaseModel):
    """An upload as a client announces it. Both faces validate with it, and OpenAPI is made from it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)

    name: Annotated[str, AfterValidator(_safe_name)] = Field(
        min_length=1,
        max_length=255,
        description="The file's name: no path, no control characters.",
        examples=["holiday.jpg"],
        json_schema_extra=_NAME,
    )
    size: Annotated[int, BeforeValidator(_whole)] = Field(
        ge=0, description="How many bytes will be sent, exactly.", examples=[1048576]
    )
    content_type: str | None = Field(
        default=None,
        max_length=255,
        pattern=_CONTENT_TYPE,
        description="The media type (RFC 9110); application/octet-stream if not given. "
        "The upload must be sent with it.",
        examples=["image/jpeg"],
    )
    sha256: str | None = Field(
        default=None,
        pattern=r"^[0-9a-fA-F]{64}$",
        description="SHA-256 of the content, in hexadecimal. The store then refuses any other content, and "
        "content that this owner has stored already needs no upload.",
    )

    @classmethod
    def parse(cls, fields: dict[str, object]) -> Self:
        """Validate loose fields, named as clients name them.

        Raises:
            InvalidInput: names each wrong field.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise invalid_input(error) from None


def invalid_input(error: ValidationError) -> InvalidInput:
    """What a model found, in the words of our own error. Never repeats the input."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return InvalidInput(
        {
            ".".join(str(part) for part in problem["loc"]) or "body": problem["msg"].removeprefix(
                "Value error, "
            )
            for problem in problems
        }
    )


@dataclass(frozen=True, slots=True)
class Requested:
    """The answer to a request. ``upload`` is None where nothing needs to be sent."""

    file: File
    upload: PresignedRequest | None


async def request_upload(resources: Resources, principal: Principal, draft: UploadDraft) -> Requested:
    """Remember a PENDING file and sign the one PUT that may fill it.

    Where the owner already has a COMPLETED file of the declared SHA-256 and size, that file is the answer
    and nothing is stored: the claim is safe to believe because it only leads to the owner's own file.

    Raises:
        FileTooLarge: the size is over MAX_FILE_SIZE.
        ServiceUnavailable: MongoDB is away; nothing was stored.
    """
    settings = resources.settings
    if draft.size > settings.max_file_size:
        raise FileTooLarge(
            f"A file may have up to {settings.max_file_size} bytes.",
            size=draft.size,
            limit=settings.max_file_size,
        )
    sha256 = draft.sha256.lower() if draft.sha256 else None
    if sha256 is not None:
        twin = await documents.find_completed(principal.owner, sha256, draft.size)
        if twin is not None:
            return Requested(twin, None)
    content_type = draft.content_type or "application/octet-stream"
    new_id = documents.new_id()
    key = make_key(str(new_id))
    upload = resources.presigner.put(
        key, size=draft.size, content_type=content_type, sha256=sha256, ttl=settings.upload_url_ttl
    )
    file = File(
        id=new_id,
        owner=principal.owner,
        name=draft.name,
        size=draft.size,
        content_type=content_type,
        declared_sha256=sha256,
        object_key=key,
        created_at=_to_milliseconds(datetime.now(UTC)),
        upload_expires_at=upload.expires_at,
        expire_at=upload.expires_at + timedelta(seconds=settings.upload_grace),
    )
    # Stored before the URL is given away, so that no object can come to be without a record.
    await documents.insert(file)
    return Requested(file, upload)


def _to_milliseconds(time: datetime) -> datetime:
    # MongoDB keeps milliseconds: what we answer now must equal what we read later.
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
