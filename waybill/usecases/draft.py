"""What a client announces, and the rules that it must keep."""

import unicodedata
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from waybill.errors import InvalidInput

MAX_IDEMPOTENCY_KEY = 255

D = TypeVar("D", bound=BaseModel)

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
CONTENT_TYPE_WORD = r"[A-Za-z0-9!#$%&'+.^_`|~-]+"
_CONTENT_TYPE = (
    rf"^{CONTENT_TYPE_WORD}/{CONTENT_TYPE_WORD}"
    rf"( *; *{CONTENT_TYPE_WORD}=({CONTENT_TYPE_WORD}|\"[ !#-\[\]-~]*\"))*$"
)


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$"), AfterValidator(str.lower)]


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


def check_idempotency_key(key: str) -> None:
    """Refuse what could not be sent as a header.

    Raises:
        InvalidInput: the key is empty, long, or has characters beyond ASCII.
    """
    if not (0 < len(key) <= MAX_IDEMPOTENCY_KEY and key.isascii() and key.isprintable()):
        raise InvalidInput(
            {"idempotencyKey": f"must be 1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters"}
        )


def parse(draft: type[D], fields: dict[str, object]) -> D:
    """Validate loose fields, named as clients name them.

    Raises:
        InvalidInput: names each wrong field.
    """
    try:
        return draft.model_validate(fields)
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
