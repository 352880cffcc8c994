"""Metadata: pairs of a key and a value that a client gives a file, and their stored form."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.config import JsonDict

MAX_PAIRS = 24
MAX_VALUE_CHARACTERS = 512

#: The most bytes of all keys and values of a file together, in UTF-8.
MAX_METADATA_BYTES = 8 * 1024

KEY_PATTERN = "^[a-z][a-z0-9._-]{0,63}$"
_KEY = re.compile(KEY_PATTERN.removesuffix("$"))


def check_key(key: str) -> str:
    """Return a key that is valid. Raises ValueError otherwise."""
    if _KEY.fullmatch(key) is None:
        raise ValueError("keys must match [a-z][a-z0-9._-]{0,63}")
    return key


def check_value(value: str) -> str:
    """Return a value that is valid. Raises ValueError if it is too long."""
    if len(value) > MAX_VALUE_CHARACTERS:
        raise ValueError(f"values may have up to {MAX_VALUE_CHARACTERS} characters")
    return value


def check_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Return metadata sorted by key, so that equal metadata has one form.

    Raises:
        ValueError: a key or value is not valid, or there are too many.
    """
    if len(metadata) > MAX_PAIRS:
        raise ValueError(f"must have up to {MAX_PAIRS} pairs")
    for key, value in metadata.items():
        check_key(key)
        check_value(value)
    if sum(len(text.encode()) for pair in metadata.items() for text in pair) > MAX_METADATA_BYTES:
        raise ValueError(f"keys and values together may have up to {MAX_METADATA_BYTES} bytes")
    return dict(sorted(metadata.items()))


def of_pairs(given: object) -> object:
    """Return an object from the list of pairs that GraphQL uses instead. Return other values unchanged."""
    if not isinstance(given, tuple):
        return given
    pairs = dict(given)
    if len(pairs) < len(given):
        raise ValueError("must name each key once")
    return pairs


METADATA_SCHEMA: JsonDict = {"maxProperties": MAX_PAIRS, "propertyNames": {"pattern": KEY_PATTERN}}

Metadata = Annotated[
    dict[str, str],
    BeforeValidator(of_pairs),
    AfterValidator(check_metadata),
    Field(
        json_schema_extra={
            **METADATA_SCHEMA,
            "additionalProperties": {"type": "string", "maxLength": MAX_VALUE_CHARACTERS},
        }
    ),
]


def stored_pair(key: str, value: str) -> str:
    """Return the stored form of a pair. A key has no equals sign, so no two pairs share a form."""
    return f"{key}={value}"


def stored_metadata(metadata: Mapping[str, str] | None) -> list[str] | None:
    """Return the stored form: a list of pairs, so that one index serves all keys. None if it is empty."""
    return [stored_pair(*pair) for pair in sorted(metadata.items())] if metadata else None


def metadata_of(stored: Iterable[str] | None) -> dict[str, str]:
    """Return metadata from its stored form."""
    split = (pair.partition("=") for pair in stored or ())
    return {key: value for key, _, value in split}
