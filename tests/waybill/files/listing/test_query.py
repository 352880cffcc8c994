"""Pages of lists do bounded work, may be short, and together hold each file once, in order."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service import Service
from waybill import indexes
from waybill.files import model
from waybill.files.lifecycle import Status
from waybill.files.listing import query as listing_query
from waybill.files.listing.filters import Filters, Order, Sort
from waybill.files.listing.index_keys import Position
from waybill.files.listing.query import find_page
from waybill.files.model import File
from waybill.files.name_search import search_form
from waybill.indexes import DOCUMENTS
from waybill.platform.mongo import connection

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

#: Files of one owner, of which one in so many is unlike the others.
FILES = 12_000
RARE = 4000
BATCH = 1000

#: The bounds of the tests: far fewer than there are files.
STRETCH_FILES = 50
STRETCH_KEYS = 500
SELECTIVE_FILES = 100
LIMIT = 10

#: The first stands for the top, which files are in that have no folder.
FOLDERS = ("", "a/", "a/b/", "a0/", "b/")


@pytest.fixture(scope="module", autouse=True)
async def _files(service: Service) -> AsyncIterator[None]:
    """Twelve thousand files of one owner with a third of them in the trash, and some of others."""
    async with connection.open_database(
        service.settings.mongodb_url.get_secret_value(), "list_query", DOCUMENTS
    ):
        collection = File.get_motor_collection()
        await collection.drop()
        await indexes.create_indexes()
        # All at once would take a busy machine longer than an operation may.
        for first in range(0, FILES, BATCH):
            await collection.insert_many(_file(number) for number in range(first, first + BATCH))
        yield
        await collection.database.command("profile", 0)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are reached soon; a search ends after its first stretch."""
    monkeypatch.setattr(listing_query, "STRETCH_FILES", STRETCH_FILES)
    monkeypatch.setattr(listing_query, "STRETCH_KEYS", STRETCH_KEYS)
    monkeypatch.setattr(listing_query, "SELECTIVE_FILES", SELECTIVE_FILES)
    monkeypatch.setattr(listing_query, "SEARCH_SECONDS", 0)


def _file(number: int) -> dict[str, Any]:
    is_rare = number % RARE in {7, 8, 9, 10}
    name = "Zebra" if is_rare else f"{'Name' if number % 10 == 3 else 'name'}-{number * 7919 % 100}"
    return {
        "_id": model.FileId(f"{number:024x}"),
        "owner": ("a", "owner", "z")[1 if number % 50 else number // 50 % 2 * 2],
        "name": name,
        "name_search": search_form(name),
        "size": 10**6 if is_rare else number * 7907 % 500,
        "content_type": "model/step" if is_rare else "text/plain",
        "object_key": str(number),
        "created_at": NOON + timedelta(seconds=number // 3),
        "upload_expires_at": NOON,
        "status": (Status.PENDING if is_rare else Status.FAILED if number % 5 else Status.COMPLETED).value,
        "sha256": str(number),
        **({"folder": "rare/" if is_rare else FOLDERS[number % 5]} if number % 5 else {}),
        **({"metadata": ["a=1", "b=rare"] if is_rare else ["a=1", f"b={number % 7}"]} if number % 2 else {}),
        **({"deleted_at": NOON} if number % 3 == 1 else {}),
    }


RARE_FILTERS = {
    "name": Filters(name_prefix="zEb"),
    "q": Filters(name_part="EBR"),
    "nameAndQ": Filters(name_prefix="z", name_part="ra"),
    "contentType": Filters(content_type="model/*"),
    "minSize": Filters(min_size=10**6),
    "status": Filters(statuses=frozenset({Status.PENDING})),
    "statuses": Filters(statuses=frozenset({Status.PENDING, Status.EXPIRED})),
    "createdAfter": Filters(created_after=NOON + timedelta(seconds=FILES // 3 - 20)),
    "all": Filters(
        statuses=frozenset({Status.PENDING, Status.FAILED}),
        name_prefix="z",
        content_type="model/step",
        min_size=3,
        created_after=NOON,
    ),
    "folder": Filters(folder="rare/"),
    "recursive": Filters(folder="ra/", recursive=True),
    "metadata": Filters(metadata=("a=1", "b=rare")),
    "folderOfSome": Filters(folder="a/", recursive=True, metadata=("b=3",), name_prefix="name-9"),
    "nothing": Filters(name_prefix="name-5", content_type="image/*", max_size=400),
}


@pytest.mark.parametrize("deleted", [False, True], ids=["files", "trash"])
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("kind", RARE_FILTERS)
async def test_each_page_of_a_rare_filter_examines_few_files(
    kind: str, sort: Sort, order: Order, deleted: bool
) -> None:
    await _check_work(_with(RARE_FILTERS[kind], deleted=deleted), sort, order)


async def _check_work(filters: Filters, sort: Sort, order: Order) -> None:
    """Check what the first pages of a list examine."""
    database = File.get_motor_collection().database
    await database.command("profile", 0)
    await database["system.profile"].drop()
    await database.command("profile", 2)
    position: Position | None = None
    for _ in range(3):
        page = await find_page("owner", filters, sort, order, limit=LIMIT, after=position)
        position = page.next_position
        if position is None:
            break
    await database.command("profile", 0)
    spent = await database["system.profile"].find({"ns": "list_query.files", "op": "query"}).to_list(None)
    assert spent
    for query in spent:
        assert query["docsExamined"] <= SELECTIVE_FILES * 2
        assert query["keysExamined"] <= STRETCH_KEYS * 2
    # A page sends few queries, even if it finds nothing.
    assert len(spent) <= 3 * 10


@pytest.mark.parametrize("deleted", [False, True], ids=["files", "trash"])
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("kind", RARE_FILTERS)
async def test_all_pages_of_a_rare_filter_hold_each_file_once_in_order(
    kind: str, sort: Sort, order: Order, deleted: bool
) -> None:
    filters = _with(RARE_FILTERS[kind], deleted=deleted)
    assert await _everything(filters, sort, order, LIMIT) == await _expected(filters, sort, order)


@pytest.mark.parametrize("sort", Sort)
async def test_a_search_goes_on_while_there_is_time(monkeypatch: pytest.MonkeyPatch, sort: Sort) -> None:
    monkeypatch.setattr(listing_query, "SEARCH_SECONDS", 3600)
    monkeypatch.setattr(listing_query, "MAX_STRETCHES", FILES)
    filters = RARE_FILTERS["contentType"]
    page = await find_page("owner", filters, sort, Order.ASC, limit=LIMIT, after=None)
    assert page.next_position is None
    assert [file.file_id for file in page.files] == await _expected(filters, sort, Order.ASC)


times = st.none() | st.integers(-2, FILES // 3 + 2).map(lambda seconds: NOON + timedelta(seconds=seconds))
sizes = st.none() | st.sampled_from([0, 1, 250, 499, 500, 10**6, 10**6 + 1])
some_filters = st.builds(
    Filters,
    statuses=st.frozensets(st.sampled_from(list(Status)), max_size=4),
    name_prefix=st.none() | st.sampled_from(["n", "NAME-1", "name-42", "zebra", "zebras", "\U0010ffff"]),
    name_part=st.none() | st.sampled_from(["-1", "EBR", "e-42", "."]),
    content_type=st.none() | st.sampled_from(["model/*", "model/step", "TEXT/plain", "image/*"]),
    created_after=times,
    created_before=times,
    min_size=sizes,
    max_size=sizes,
    deleted=st.booleans(),
    folder=st.sampled_from([None, *FOLDERS, "none/"]),
    metadata=st.sampled_from([(), ("a=1",), ("b=3",), ("a=1", "b=3"), ("a=1", "b=rare"), ("c=1",)]),
)
some_filters |= st.builds(
    Filters,
    folder=st.sampled_from(["a/", "b/", "none/"]),
    recursive=st.just(value=True),
    name_prefix=st.none() | st.just("name-1"),
    metadata=st.sampled_from([(), ("a=1", "b=3")]),
    deleted=st.booleans(),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some_filters, st.sampled_from(Sort), st.sampled_from(Order))
async def test_each_page_of_any_filters_examines_few_files(
    filters: Filters, sort: Sort, order: Order
) -> None:
    await _check_work(filters, sort, order)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some_filters, st.sampled_from(Sort), st.sampled_from(Order), st.integers(20, 100))
async def test_pages_of_any_filters_are_those_of_a_plain_filter_and_sort(
    filters: Filters, sort: Sort, order: Order, limit: int
) -> None:
    assert await _everything(filters, sort, order, limit) == await _expected(filters, sort, order)


async def test_files_that_come_and_go_while_pages_are_read_move_no_other() -> None:
    owner = "moving"
    collection = File.get_motor_collection()
    chance = random.Random(1)  # the same in every run
    numbers = list(range(10**6, 10**6 + 1200))
    chance.shuffle(numbers)

    def moving(number: int) -> dict[str, Any]:
        rare = {"content_type": "model/step"} if number % 5 == 0 else {"content_type": "text/plain"}
        # No deletion mark, and sizes that many share.
        return {**_file(number * 3), "owner": owner, "size": number % 40, **rare}

    await collection.delete_many({"owner": owner})
    await collection.insert_many(moving(number) for number in numbers[:600])
    lasting = {f"{number * 3:024x}" for number in numbers[:600] if number % 5 == 0}
    filters = Filters(content_type="model/step")
    seen: list[str] = []
    position: Position | None = None
    going = [number for number in numbers[:300] if number % 5 == 0]
    coming = iter(numbers[600:])
    while True:
        page = await find_page(owner, filters, Sort.SIZE, Order.DESC, limit=7, after=position)
        seen += [file.file_id for file in page.files]
        position = page.next_position
        if position is None:
            break
        await collection.insert_many(moving(next(coming)) for _ in range(5))
        if going:
            gone = f"{going.pop() * 3:024x}"
            lasting.discard(gone)
            await collection.delete_one({"_id": model.FileId(gone)})
    assert len(seen) == len(set(seen))
    assert lasting <= set(seen)


def _with(filters: Filters, *, deleted: bool) -> Filters:
    return Filters(**{name: getattr(filters, name) for name in Filters.__slots__} | {"deleted": deleted})


async def _everything(filters: Filters, sort: Sort, order: Order, limit: int) -> list[str]:
    """The ids of all pages."""
    seen: list[str] = []
    position: Position | None = None
    while True:
        page = await find_page("owner", filters, sort, order, limit=limit, after=position)
        assert len(page.files) <= limit
        seen += [file.file_id for file in page.files]
        position = page.next_position
        if position is None:
            return seen


def _is_in(folder: str, filters: Filters) -> bool:
    if filters.recursive:
        return folder.startswith(filters.folder or "")
    return filters.folder in {None, folder}


@cache
def _files_of_owner() -> list[dict[str, Any]]:
    return [file for file in map(_file, range(FILES)) if file["owner"] == "owner"]


async def _expected(filters: Filters, sort: Sort, order: Order) -> list[str]:
    """The ids of the same files, by Python's own filter and sort."""

    def admits(file: dict[str, Any]) -> bool:
        family = (filters.content_type or "").lower().removesuffix("*")
        kind = file["content_type"]
        return (
            ("deleted_at" in file) == filters.deleted
            and not (filters.deleted and file["status"] == Status.FAILED)
            and (not filters.statuses or file["status"] in filters.statuses)
            and set(filters.metadata) <= set(file.get("metadata", []))
            and _is_in(file.get("folder", ""), filters)
            and file["name_search"].startswith((filters.name_prefix or "").lower())
            and (filters.name_part or "").lower() in file["name_search"]
            and (kind.startswith(family) if family.endswith("/") else kind == family or not family)
            and (filters.created_after is None or file["created_at"] >= filters.created_after)
            and (filters.created_before is None or file["created_at"] < filters.created_before)
            and (filters.min_size is None or file["size"] >= filters.min_size)
            and (filters.max_size is None or file["size"] <= filters.max_size)
        )

    field = {Sort.CREATED_AT: "created_at", Sort.NAME: "name", Sort.SIZE: "size"}[sort]
    files = sorted(
        filter(admits, _files_of_owner()),
        key=lambda file: (file[field], file["_id"]),
        reverse=order is Order.DESC,
    )
    return [str(file["_id"]) for file in files]
