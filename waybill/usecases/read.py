"""Get one file, list many."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from waybill import documents
from waybill.documents import File
from waybill.errors import InvalidInput
from waybill.lifecycle import Status
from waybill.principal import Principal, is_storable
from waybill.settings import Settings

MAX_PAGE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Page:
    """Some files, newest first, and whether there are more after them."""

    items: Sequence[File]
    has_more: bool

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page, or None on the last."""
        return cursor_of(self.items[-1]) if self.has_more else None


async def get_file(principal: Principal, file_id: str) -> File:
    """One file of the caller's, deleted ones included: a tombstone tells when its object went.

    Raises:
        FileNotFound: no such file of this owner.
    """
    return await documents.find(file_id, principal.owner)


@dataclass(frozen=True, slots=True)
class Usage:
    """What an owner's files take, in bytes; ``limit`` is None where there is no quota."""

    used: int
    reserved: int
    files: int
    limit: int | None


async def get_usage(settings: Settings, principal: Principal) -> Usage:
    """What the caller's files take: ``used`` by the COMPLETED, ``reserved`` by those on their way there."""
    sums = await documents.sum_sizes(principal.owner)
    stored = sums.pop(Status.COMPLETED, documents.Sum(0, 0))
    return Usage(
        used=stored.size,
        reserved=sum(sums[status].size for status in (Status.PENDING, Status.PROCESSING) if status in sums),
        files=stored.files,
        limit=settings.owner_quota_bytes,
    )


async def list_files(
    principal: Principal,
    *,
    limit: int = 20,
    cursor: str | None = None,
    statuses: Sequence[Status] = (),
    name: str | None = None,
) -> Page:
    """The caller's files that are not deleted, newest first. ``name`` is a prefix, case matters.

    The cursor is a key, not an offset: a page costs the same at any depth, and files that come or go
    meanwhile neither repeat nor hide others.

    Raises:
        InvalidInput: the limit is not 1 to 100, or the cursor is not one of ours.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput({"limit": f"must be 1 to {MAX_PAGE}"})
    if name is not None and not is_storable(name):
        raise InvalidInput({"name": "is not a text that a file's name could begin with"})
    after = None if cursor is None else _position(cursor)
    found = await documents.find_page(
        principal.owner, limit=limit + 1, after=after, statuses=statuses, name_prefix=name
    )
    return Page(found[:limit], len(found) > limit)


def cursor_of(file: File) -> str:
    """Where a file stands in the list. Opaque to clients."""
    key = [(file.created_at - _EPOCH) // _MILLISECOND, file.file_id]
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        match json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)):
            case [int(milliseconds), str(file_id)] if documents.is_file_id(file_id):
                return _EPOCH + milliseconds * _MILLISECOND, file_id
    except (ValueError, binascii.Error, RecursionError, OverflowError):
        pass
    raise InvalidInput({"cursor": "is not a cursor of this list; use the last page's, unchanged"})
