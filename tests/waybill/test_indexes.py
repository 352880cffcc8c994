"""What `waybill init` builds, beside the release before, and what is answered until then."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

import pymongo
import pytest

from stack.stack import Stack
from tests.waybill.conftest import new_file
from waybill import indexes
from waybill.files import repository
from waybill.files.idempotency import IdempotencyKey
from waybill.files.lifecycle import Status
from waybill.files.listing import filters as list_filters
from waybill.files.listing import query
from waybill.files.listing.filters import Filters, Order, Sort
from waybill.files.model import File
from waybill.indexes import DOCUMENTS, RETIRED_INDEXES
from waybill.platform.errors import InitError, ServiceUnavailable
from waybill.platform.mongo import connection

LIVING = {"deleted_at": None}

#: The indexes of files as the release before made them, and the names that it hints.
OLD_INDEXES: dict[str, tuple[dict[str, int], dict[str, Any]]] = {
    "content": (
        {"owner": 1, "sha256": 1},
        {"unique": True, "partialFilterExpression": {"status": "COMPLETED", **LIVING}},
    ),
    "newest": ({"owner": 1, "created_at": -1, "_id": -1}, {"partialFilterExpression": LIVING}),
    "by_name": (
        {"owner": 1, "name": 1, "_id": 1, "status": 1, "deleted_at": 1},
        {"partialFilterExpression": LIVING},
    ),
    "largest": (
        {"owner": 1, "size": -1, "_id": -1, "status": 1, "deleted_at": 1},
        {"partialFilterExpression": LIVING},
    ),
    "newest_by_status": (
        {"owner": 1, "status": 1, "created_at": -1, "_id": -1},
        {"partialFilterExpression": LIVING},
    ),
    "trash": (
        {"owner": 1, "created_at": -1, "_id": -1},
        {"partialFilterExpression": {"deleted_at": {"$exists": True}, "purge_began_at": None}},
    ),
    "expiring": ({"expire_at": 1}, {"partialFilterExpression": {"expire_at": {"$exists": True}}}),
    "due": ({"due_at": 1}, {"partialFilterExpression": {"due_at": {"$exists": True}}}),
}
OLD_HINTS = ("newest", "by_name", "largest", "newest_by_status")

_databases = itertools.count()


@pytest.fixture(autouse=True)
async def _database(stack: Stack) -> AsyncIterator[None]:
    """A database of the test's own, without indexes."""
    async with connection.open_database(
        stack.addresses.mongodb_url, f"indexes-{next(_databases)}", DOCUMENTS
    ):
        yield


def files() -> Any:
    return File.get_motor_collection()


async def build_old_indexes() -> None:
    for name, (keys, options) in OLD_INDEXES.items():
        await files().create_index(list(keys.items()), name=name, **options)


async def insert_files(owner: str, count: int = 5) -> None:
    for number in range(count):
        await repository.insert(new_file(owner, name=f"name-{number}", size=number, status=Status.PENDING))


def changed(name: str, new_name: str) -> list[pymongo.IndexModel]:
    """This release's indexes, of which one is defined in another way, as the next release may have it."""
    key, options = OLD_INDEXES[name]
    other = pymongo.IndexModel([*key.items(), ("purge_at", 1)], name=new_name, **options)
    return [other if index.document["name"] == name else index for index in File.Settings.indexes]


async def test_the_indexes_of_the_release_before_stay_until_they_are_dropped() -> None:
    await build_old_indexes()
    await indexes.create_indexes()
    assert OLD_INDEXES.keys() <= (await files().index_information()).keys()
    assert not await indexes.missing_indexes()
    await indexes.create_indexes(drop_old=True)
    still_used = OLD_INDEXES.keys() - RETIRED_INDEXES.get("files", frozenset())
    assert still_used <= (await files().index_information()).keys()


async def test_the_release_before_goes_on_while_the_next_one_builds_its_indexes(owner: str) -> None:
    await build_old_indexes()
    await insert_files(owner)
    is_over = asyncio.Event()
    answers: list[int] = []

    async def ask_as_the_release_before() -> None:
        for hint in itertools.cycle(OLD_HINTS):
            answers.append(len(await files().find({"owner": owner, **LIVING}).hint(hint).to_list(None)))
            if is_over.is_set():
                return

    asking = asyncio.create_task(ask_as_the_release_before())
    with mock.patch.object(File.Settings, "indexes", changed("newest", "newest_2")):
        await indexes.create_indexes()
        assert not await indexes.missing_indexes()
    is_over.set()
    await asking
    assert set(answers) == {5}


async def test_an_old_index_is_dropped_when_it_is_asked_for() -> None:
    await build_old_indexes()
    retired = {"files": frozenset({"newest"})}
    with (
        mock.patch.object(File.Settings, "indexes", changed("newest", "newest_2")),
        mock.patch("waybill.indexes.RETIRED_INDEXES", retired),
    ):
        await indexes.create_indexes()
        assert "newest" in await files().index_information()
        await indexes.create_indexes(drop_old=True)
        found = await files().index_information()
    assert "newest" not in found
    assert "newest_2" in found


async def test_an_index_of_somebody_else_is_never_dropped() -> None:
    await indexes.create_indexes()
    await files().create_index([("etag", 1)], name="operators")
    await indexes.create_indexes(drop_old=True)
    assert "operators" in await files().index_information()


async def test_an_index_with_another_definition_is_named_and_replaced_when_asked_for(owner: str) -> None:
    await files().create_index([("expire_at", 1)], name="expiring", sparse=True)
    with pytest.raises(InitError, match="Index expiring of files exists with another definition"):
        await indexes.create_indexes()
    assert (await files().index_information())["expiring"]["sparse"]
    await indexes.create_indexes(drop_old=True)
    found = (await files().index_information())["expiring"]
    assert found["partialFilterExpression"] == {"expire_at": {"$exists": True}}


async def test_a_lifetime_is_changed_in_place() -> None:
    keys = IdempotencyKey.get_motor_collection()
    await keys.create_index([("created_at", 1)], name="old", expireAfterSeconds=1)
    await indexes.create_indexes()
    assert (await keys.index_information())["old"]["expireAfterSeconds"] == 24 * 3600


async def test_two_documents_of_a_unique_key_are_named(owner: str) -> None:
    for _ in range(2):
        await repository.insert(new_file(owner, status=Status.COMPLETED, sha256="ab" * 32))
    with pytest.raises(InitError, match=f"Index content of files cannot be built.*{owner}"):
        await indexes.create_indexes()


async def test_several_inits_at_once_all_succeed() -> None:
    await asyncio.gather(*(indexes.create_indexes() for _ in range(4)))
    assert not await indexes.missing_indexes()


async def test_what_needs_a_missing_index_is_unavailable_and_no_defect(owner: str) -> None:
    await insert_files(owner)
    assert "files.newest" in await indexes.missing_indexes()
    pending = frozenset({Status.PENDING})
    for filters in (Filters(), Filters(statuses=pending), Filters(content_type="a/b"), Filters(deleted=True)):
        for sort in Sort:
            with pytest.raises(ServiceUnavailable):
                await query.find_page(owner, filters, sort, Order.ASC, limit=3, after=None)
    for filters in (Filters(name_prefix="name"), Filters(min_size=1)):
        with pytest.raises(ServiceUnavailable):
            await list_filters.count_files(owner, filters)
    await indexes.create_indexes()
    found = await query.find_page(owner, Filters(), Sort.SIZE, Order.ASC, limit=3, after=None)
    assert len(found.files) == 3
