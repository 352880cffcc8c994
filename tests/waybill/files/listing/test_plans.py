"""The queries of lists, as MongoDB explains them: on an index, in its order, and no further than the page."""

import itertools
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.service import Service
from waybill import indexes as waybill_indexes
from waybill.files import model
from waybill.files.lifecycle import Status
from waybill.files.listing import filters as list_filters
from waybill.files.listing import query as listing_query
from waybill.files.listing.filters import Filters, Order, Sort
from waybill.files.listing.index_keys import Position
from waybill.files.model import File
from waybill.indexes import DOCUMENTS
from waybill.platform.mongo import connection

LIMIT = 10
FILES = 600
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIST_INDEXES = {Sort.CREATED_AT: "newest", Sort.NAME: "by_name_with_search", Sort.SIZE: "largest"}
TWO = frozenset({Status.FAILED, Status.EXPIRED})

#: Where half of the files are before and half after, among many of the same time, name and size.
MIDDLE: dict[Sort, Position] = {
    Sort.CREATED_AT: (NOON + timedelta(seconds=2), f"{FILES // 2:024x}"),
    Sort.NAME: ("name-2", f"{FILES // 2:024x}"),
    Sort.SIZE: (2, f"{FILES // 2:024x}"),
}


@pytest.fixture(scope="module", autouse=True)
async def _files(service: Service) -> AsyncIterator[None]:
    """Files of three owners; a fifth of one's have the same time, the same name and the same size."""
    settings = service.settings
    async with connection.open_database(settings.mongodb_url.get_secret_value(), "pages", DOCUMENTS):
        collection = File.get_motor_collection()
        await collection.drop()
        await waybill_indexes.create_indexes()
        statuses = list(Status)
        await collection.insert_many(
            {
                "_id": model.FileId(f"{number:024x}"),
                "owner": ("before", "owner", "owner", "owner", "within")[number % 5],
                "name": f"name-{number // 5 % 5}",
                "name_search": f"name-{number // 5 % 5}",
                "size": number // 5 % 5,
                "content_type": "image/png" if number % 2 else "text/plain",
                "object_key": str(number),
                "created_at": NOON + timedelta(seconds=number // 5 % 5),
                "upload_expires_at": NOON,
                "status": statuses[number % len(statuses)].value,
                "sha256": str(number),
                **({"folder": "a/"} if number % 3 else {}),
                **({"metadata": ["k=1", f"n={number % 2}"]} if number % 3 == 2 else {}),
                **({"deleted_at": NOON} if number % 7 == 0 else {}),
            }
            for number in range(FILES)
        )
        yield


def stages(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """All stages of a plan."""
    inner = plan.get("inputStages") or [plan[name] for name in ("inputStage", "queryPlan") if name in plan]
    return [plan, *(stage for each in inner for stage in stages(each))]


async def explained(
    sort: Sort, order: Order, filters: Filters, after: Position | None
) -> tuple[set[str], set[str], dict[str, Any]]:
    """The plan's stages, the indexes that it reads, and what reading a page took."""
    query = listing_query.page_query("owner", filters, sort, order, after=after)
    found = await query.limit(LIMIT).explain()
    plan = stages(found["queryPlanner"]["winningPlan"])
    indexes = {stage["indexName"] for stage in plan if "indexName" in stage}
    return {stage["stage"] for stage in plan}, indexes, found["executionStats"]


@pytest.mark.parametrize("after", [False, True], ids=["first", "after"])
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("sort", Sort)
async def test_a_plain_page_reads_its_own_files_alone(sort: Sort, order: Order, after: bool) -> None:
    kinds, indexes, took = await explained(sort, order, Filters(), MIDDLE[sort] if after else None)
    assert "IXSCAN" in kinds
    assert not kinds & {"SORT", "COLLSCAN"}
    assert indexes == {LIST_INDEXES[sort]}
    assert took["nReturned"] == LIMIT
    # One more where two ranges are merged.
    assert took["totalDocsExamined"] <= LIMIT + 1
    assert took["totalKeysExamined"] <= LIMIT + 2


@pytest.mark.parametrize("after", [False, True], ids=["first", "after"])
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("statuses", [frozenset({Status.FAILED}), TWO, frozenset(Status)], ids=len)
async def test_a_page_of_some_statuses_fetches_no_other_file(
    sort: Sort, order: Order, after: bool, statuses: frozenset[Status]
) -> None:
    filters = Filters(statuses=statuses)
    kinds, indexes, took = await explained(sort, order, filters, MIDDLE[sort] if after else None)
    assert not kinds & {"SORT", "COLLSCAN"}
    assert indexes == {(LIST_INDEXES | {Sort.CREATED_AT: "newest_by_status"})[sort]}
    # At most one more of each range that is merged: two for each status.
    assert took["totalDocsExamined"] <= LIMIT + 2 * len(statuses)
    if sort is Sort.CREATED_AT:
        assert took["totalKeysExamined"] <= LIMIT + 4 * len(statuses)


@pytest.mark.parametrize("after", [False, True], ids=["first", "after"])
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize(
    ("sort", "filters", "index"),
    [
        (Sort.CREATED_AT, Filters(folder="a/"), "newest_in_folder"),
        (Sort.CREATED_AT, Filters(folder=""), "newest_in_folder"),
        (Sort.NAME, Filters(folder="a/"), "by_name_in_folder"),
        (Sort.NAME, Filters(folder=""), "by_name_in_folder"),
        (Sort.CREATED_AT, Filters(metadata=("k=1",)), "newest_by_metadata"),
    ],
)
async def test_a_page_of_a_folder_or_a_pair_of_metadata_fetches_no_other_file(
    sort: Sort, filters: Filters, index: str, order: Order, after: bool
) -> None:
    kinds, indexes, took = await explained(sort, order, filters, MIDDLE[sort] if after else None)
    assert indexes == {index}
    assert not kinds & {"SORT", "COLLSCAN"}
    assert took["nReturned"] == LIMIT
    assert took["totalDocsExamined"] <= LIMIT + 1
    assert took["totalKeysExamined"] <= LIMIT + 2


#: Each filter, or none of it. Together they are all combinations of filters.
CHOICES: list[list[dict[str, Any]]] = [
    [{}, {"statuses": frozenset({Status.FAILED})}, {"statuses": TWO}],
    [{}, {"name_prefix": "name"}],
    [{}, {"name_part": "e-2"}],
    [{}, {"content_type": "image/*"}],
    [{}, {"created_after": NOON}, {"created_before": NOON + timedelta(seconds=3)}],
    [{}, {"min_size": 1, "max_size": 3}],
    [{}, {"folder": "a/"}, {"folder": ""}, {"folder": "a/", "recursive": True}],
    [{}, {"metadata": ("k=1", "n=0")}],
]


def combinations(*, deleted: bool) -> list[Filters]:
    """All combinations of filters."""
    return [
        Filters(**dict(itertools.chain.from_iterable(each.items() for each in chosen)), deleted=deleted)
        for chosen in itertools.product(*CHOICES)
    ]


@pytest.mark.parametrize("deleted", [False, True], ids=["files", "trash"])
@pytest.mark.parametrize("sort", Sort)
async def test_no_combination_of_filters_makes_a_page_be_sorted_in_memory(sort: Sort, deleted: bool) -> None:
    chance = random.Random(sort)  # the same in every run
    for filters in combinations(deleted=deleted):
        order, after = chance.choice([*Order]), chance.choice([None, MIDDLE[sort]])
        query = listing_query.page_query("owner", filters, sort, order, after=after).limit(LIMIT)
        plan = stages((await query.explain())["queryPlanner"]["winningPlan"])
        kinds = {stage["stage"] for stage in plan}
        assert "IXSCAN" in kinds, filters
        assert not kinds & {"SORT", "COLLSCAN"}, filters
        assert len({stage["indexName"] for stage in plan if "indexName" in stage}) == 1, filters


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize(
    ("sort", "filters"),
    [
        (Sort.SIZE, Filters(min_size=2, max_size=2)),
        (Sort.CREATED_AT, Filters(created_after=NOON + timedelta(seconds=2))),
    ],
)
async def test_a_filter_on_what_is_sorted_by_bounds_the_index(
    sort: Sort, order: Order, filters: Filters
) -> None:
    for after in (None, MIDDLE[sort]):
        *_, took = await explained(sort, order, filters, after)
        assert took["nReturned"] == LIMIT
        assert took["totalDocsExamined"] <= LIMIT + 1


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(min_size=2, max_size=3), "largest"),
        (Filters(min_size=2, statuses=TWO), "largest"),
        (Filters(name_prefix="name-2"), "by_search"),
        (Filters(name_prefix="name-2", statuses=TWO), "by_search"),
        (Filters(name_part="e-2", statuses=TWO), "by_search"),
        (Filters(folder="a/"), "newest_in_folder"),
        (Filters(folder="a/", recursive=True, statuses=TWO), "newest_in_folder"),
    ],
)
async def test_files_are_counted_on_an_index_alone(filters: Filters, index: str) -> None:
    count, indexes, took = await counted(filters)
    assert indexes == {index}
    assert took["totalDocsExamined"] == 0
    assert await list_filters.count_files("owner", filters) == count > 0


async def test_counting_by_time_fetches_what_is_in_its_range() -> None:
    filters = Filters(created_after=NOON + timedelta(seconds=4), statuses=TWO)
    count, indexes, took = await counted(filters)
    assert indexes == {"newest"}
    assert count <= took["totalDocsExamined"] < FILES / 5
    assert await list_filters.count_files("owner", filters) == count > 0


async def counted(filters: Filters) -> tuple[int, set[str], dict[str, Any]]:
    """How many files there are, the indexes that counting reads, and what it took."""
    _, query, index = list_filters.count_query("owner", filters)
    collection = File.get_motor_collection()
    matching = [document async for document in collection.find(query)]
    # What the driver makes of count_documents().
    pipeline = [{"$match": query}, {"$group": {"_id": 1, "n": {"$sum": 1}}}]
    found = await collection.database.command(
        "explain",
        {"aggregate": collection.name, "pipeline": pipeline, "hint": index, "cursor": {}},
        verbosity="executionStats",
    )
    found = found["stages"][0]["$cursor"] if "stages" in found else found
    plan = stages(found["queryPlanner"]["winningPlan"])
    assert "COLLSCAN" not in {stage["stage"] for stage in plan if "stage" in stage}
    indexes = {stage["indexName"] for stage in plan if "indexName" in stage}
    return len(matching), indexes, found["executionStats"]


@pytest.mark.parametrize("sort", Sort)
async def test_the_trash_is_read_from_its_own_index(sort: Sort) -> None:
    for after in (None, MIDDLE[sort]):
        kinds, indexes, took = await explained(sort, Order.DESC, Filters(deleted=True), after)
        index = {Sort.CREATED_AT: "trash", Sort.NAME: "trash_by_name", Sort.SIZE: "trash_largest"}[sort]
        assert indexes == {index}
        assert not kinds & {"SORT", "COLLSCAN"}
        # The trash of one owner, of whose files one in seven is there.
        assert took["totalDocsExamined"] <= FILES // 7
