"""Read due documents group by group, such as those of one owner or of one webhook."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Generic, TypeVar

import pymongo

from waybill.platform.mongo.connection import BATCH_TIMEOUT_SECONDS
from waybill.platform.mongo.errors import map_driver_errors

#: Documents that are read at a time.
PAGE_DOCUMENTS = 256

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """Due documents with the same value of a field, and whether there may be more of them."""

    key: T
    ids: Sequence[Any]
    has_more: bool


async def find_groups(
    documents: Any, field: str, after: T, due: Mapping[str, Any], page: int
) -> AsyncGenerator[Group[T], None]:
    """Yield due documents group by group, from an index of ``field`` and ``due_at``.

    It reads a page of the index at a time, and skips the rest of a group that fills a page. So the work grows
    with the number of groups, and not with their length.

    Args:
        documents: the driver's collection.
        field: the field that the documents of a group share.
        after: the value of ``field`` to begin after.
        due: the condition.
        page: documents to read at a time.

    Yields:
        Groups in the order of ``field``, each with up to ``page`` ids, the longest overdue first.
    """
    while True:
        query = {field: {"$gt": after}, **due}
        with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
            # With a limit, because the driver would otherwise fetch up to 16 MB after the first hundred.
            cursor = documents.find(query, [field]).sort([(field, 1), ("due_at", 1)]).limit(page)
            found = await cursor.to_list(page)
        groups = [(key, [each["_id"] for each in group]) for key, group in groupby(found, itemgetter(field))]
        is_full = len(found) == page
        # A page may end within its last group. The next page begins with that group.
        if is_full and len(groups) > 1:
            groups.pop()
        for key, ids in groups:
            yield Group(key, ids, has_more=len(ids) == page)
            after = key
        if not is_full:
            return
