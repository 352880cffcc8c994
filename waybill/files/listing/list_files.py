"""List a caller's files, filtered and sorted, and count them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from waybill.files.content_type import CONTENT_TYPE_WORD
from waybill.files.folder import Folder
from waybill.files.lifecycle import Status
from waybill.files.listing import filters as list_filters
from waybill.files.listing import query
from waybill.files.listing.cursor import cursor_of, position_of
from waybill.files.listing.filters import Filters, Order, Sort
from waybill.files.metadata import Metadata, stored_metadata
from waybill.files.model import File
from waybill.platform.principal import Principal, is_storable
from waybill.platform.times import parse_rfc3339

MAX_PAGE_FILES = 100

#: The largest integer that every JSON parser reads exactly. No file is as large.
MAX_SIZE_BYTES = 2**53 - 1

#: The order of each sort if a request names none: new files first, large files first, names from A to Z.
NATURAL_ORDER = {Sort.CREATED_AT: Order.DESC, Sort.NAME: Order.ASC, Sort.SIZE: Order.DESC}


def _storable(text: str) -> str:
    # Half of a surrogate pair is not valid text, so no file name contains it.
    if not is_storable(text) or "\0" in text:
        raise ValueError("must be text that a file name can contain")
    return text


Time = Annotated[
    datetime, BeforeValidator(lambda value: parse_rfc3339(value) if isinstance(value, str) else value)
]
Prefix = Annotated[str, AfterValidator(_storable), Field(json_schema_extra={"pattern": r"^[^\x00]*$"})]
Size = Annotated[int, Field(ge=0, le=MAX_SIZE_BYTES)]


class Listing(BaseModel):
    """The parameters of a list. REST and GraphQL validate with this model."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    limit: int = Field(default=20, ge=1, le=MAX_PAGE_FILES, description="The most files per page.")
    cursor: str | None = Field(
        default=None,
        description="`nextCursor` of the previous page, unchanged, with the same `sort`.",
        json_schema_extra={"minLength": 1},
    )
    status: list[Status] = Field(
        default=[], description="Only files with this status. Repeat it for several."
    )
    name: Prefix | None = Field(
        default=None, description="Only files whose name begins with this text, in upper or lower case."
    )
    q: Prefix | None = Field(
        default=None, description="Only files whose name contains this text, in upper or lower case."
    )
    content_type: str | None = Field(
        default=None,
        max_length=255,
        pattern=rf"^{CONTENT_TYPE_WORD}/({CONTENT_TYPE_WORD}|\*)$",
        description="Only files of this media type, such as `image/png`, or family, such as `image/*`."
        " Parameters of a stored type are ignored.",
        examples=["image/*"],
    )
    created_after: Time | None = Field(default=None, description="Only files created at this time or later.")
    created_before: Time | None = Field(default=None, description="Only files created before this time.")
    min_size: Size | None = Field(default=None, description="Only files of at least so many bytes.")
    max_size: Size | None = Field(default=None, description="Only files of at most so many bytes.")
    deleted: bool = Field(
        default=False, description="List the trash instead: deleted files that can still be restored."
    )
    folder: Folder | None = Field(
        default=None, description="Only files in this folder, such as `photos/`. Empty: the top folder."
    )
    recursive: bool = Field(default=False, description="Also list files in all folders below `folder`.")
    metadata: Metadata = Field(default={}, description="Only files that have all of these pairs.")
    sort: Sort = Field(
        default=Sort.CREATED_AT,
        description="The field to sort by. Names are sorted by code points, so `Z` comes before `a`.",
    )
    order: Order | None = Field(
        default=None,
        description="The direction. If not given, `asc` for names, and `desc` for times and sizes.",
    )

    @property
    def filters(self) -> Filters:
        """The conditions on files."""
        is_everywhere = self.recursive and not self.folder
        return Filters(
            statuses=frozenset(self.status),
            name_prefix=self.name,
            name_part=self.q,
            content_type=self.content_type,
            created_after=self.created_after,
            created_before=self.created_before,
            min_size=self.min_size,
            max_size=self.max_size,
            deleted=self.deleted,
            folder=None if is_everywhere else self.folder,
            recursive=self.recursive and not is_everywhere,
            metadata=tuple(stored_metadata(self.metadata) or ()),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Some files of a list, and the cursor of the next page, which is None on the last page.

    A page may have fewer files than requested, or none, and still not be the last.
    """

    items: Sequence[File]
    next_cursor: str | None
    sort: Sort

    def cursor_of(self, file: File) -> str:
        """Return the cursor of one of the files."""
        return cursor_of(query.position_of(file, self.sort), self.sort)


async def list_files(principal: Principal, listing: Listing) -> Page:
    """Return a page of the caller's files, or of their trash.

    Raises:
        InvalidInput: the cursor is malformed, or of another sort.
    """
    after = None if listing.cursor is None else position_of(listing.cursor, listing.sort)
    found = await query.find_page(
        principal.owner,
        listing.filters,
        listing.sort,
        listing.order or NATURAL_ORDER[listing.sort],
        limit=listing.limit,
        after=after,
    )
    position = found.next_position
    next_cursor = None if position is None else cursor_of(position, listing.sort)
    return Page(found.files, next_cursor, listing.sort)


async def count_files(principal: Principal, listing: Listing) -> int | None:
    """Return how many files a list has, over all its pages, or None if that takes too much work."""
    return await list_filters.count_files(principal.owner, listing.filters)
