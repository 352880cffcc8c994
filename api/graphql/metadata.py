"""Metadata in GraphQL, which has no maps: lists of pairs."""

from collections.abc import Iterable, Sequence

import strawberry

from waybill.files.metadata import metadata_of


@strawberry.type(description="A key and its value.")
class MetadataPair:
    key: str
    value: str


@strawberry.input(description="A key and its value.")
class MetadataInput:
    key: str = strawberry.field(
        description="A letter from a to z, then up to 63 characters of a-z, 0-9, `.`, `_` and `-`."
    )
    value: str = strawberry.field(description="Up to 512 characters.")


@strawberry.input(description="A key and its new value.")
class MetadataChange:
    key: str
    value: str | None = strawberry.field(
        default=None, description="The new value. null or absent removes the pair."
    )


def shown_pairs(stored: Iterable[str] | None) -> Sequence[MetadataPair]:
    """Return stored metadata as a list of pairs."""
    return [MetadataPair(key=key, value=value) for key, value in metadata_of(stored).items()]


def given_pairs(given: list[MetadataInput] | list[MetadataChange] | None) -> object:
    """Return pairs in the form that ``Metadata`` accepts. null and absent do not change."""
    return tuple((pair.key, pair.value) for pair in given) if isinstance(given, list) else given
