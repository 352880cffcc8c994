"""Lists: pages, filters, sorts and counts."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pymongo
import pytest

from tests.parity.apis import ApiClient
from tests.service import Service
from tests.uploads import stored

SORTS = ("createdAt", "name", "size")
ORDERS = ("asc", "desc")


async def make(api: ApiClient, count: int) -> list[str]:
    return [(await api.request(name=f"file-{number}", size=1)).id for number in range(count)]


async def everything(api: ApiClient, **filters: Any) -> list[dict[str, Any]]:
    """The files of all pages."""
    seen: list[dict[str, Any]] = []
    while True:
        page = (await api.list(**filters)).data
        seen += page["items"]
        if page["next"] is None:
            return seen
        filters["cursor"] = page["next"]


async def names(api: ApiClient, **filters: Any) -> list[str]:
    return [file["name"] for file in (await api.list(**filters)).data["items"]]


async def various(api: ApiClient) -> list[dict[str, Any]]:
    """Files of which several share a name, and several a size."""
    return [
        (await api.request(name=f"{'bBaé😀'[number % 5]}.txt", size=number % 3)).data["file"]
        for number in range(11)
    ]


def sorted_as(files: list[dict[str, Any]], sort: str, order: str) -> list[dict[str, Any]]:
    return sorted(files, key=lambda file: (file[sort], file["id"]), reverse=order == "desc")


def encoded(key: object) -> str:
    """A cursor of that key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).rstrip(b"=").decode()


async def test_pages_hold_each_file_once_newest_first(api: ApiClient) -> None:
    ids = await make(api, 7)
    assert [file["id"] for file in await everything(api, limit=3)] == ids[::-1]


async def test_a_page_that_is_exactly_full_is_the_last(api: ApiClient) -> None:
    await make(api, 3)
    page = (await api.list(limit=3)).data
    assert len(page["items"]) == 3
    assert page["next"] is None


async def test_files_that_come_meanwhile_do_not_move_the_pages(api: ApiClient) -> None:
    ids = await make(api, 4)
    first = (await api.list(limit=2)).data
    await make(api, 3)
    second = (await api.list(limit=2, cursor=first["next"])).data
    assert [file["id"] for file in first["items"] + second["items"]] == ids[::-1]


async def test_the_list_filters_by_status(api: ApiClient) -> None:
    await make(api, 2)
    completed = await stored(api, b"done")
    assert (await api.list(status=["COMPLETED"])).data["items"] == [completed]
    both = (await api.list(status=["COMPLETED", "PENDING"])).data["items"]
    assert len(both) == 3
    assert (await api.list(status=["FAILED"])).data["items"] == []


async def test_the_list_filters_by_the_beginning_of_the_name(api: ApiClient) -> None:
    for name in ("report-1.pdf", "report-2.pdf", "Report.pdf", "my report"):
        await api.request(name=name, size=1)
    found = (await api.list(name="report")).data["items"]
    assert [file["name"] for file in found] == ["Report.pdf", "report-2.pdf", "report-1.pdf"]
    assert (await api.list(name="report.*")).data["items"] == []


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sort", SORTS)
async def test_pages_of_each_sort_hold_each_file_once_in_order(api: ApiClient, sort: str, order: str) -> None:
    files = await various(api)
    for limit in (1, 2, 4, 11):
        assert await everything(api, sort=sort, order=order, limit=limit) == sorted_as(files, sort, order)


@pytest.mark.parametrize(("sort", "order"), [("createdAt", "desc"), ("name", "asc"), ("size", "desc")])
async def test_each_sort_has_an_order_of_its_own(api: ApiClient, sort: str, order: str) -> None:
    files = await various(api)
    assert (await api.list(sort=sort)).data["items"] == sorted_as(files, sort, order)
    newest_first = sorted_as(files, "createdAt", "desc")
    assert (await api.list()).data["items"] == newest_first
    assert (await api.list(order="asc")).data["items"] == newest_first[::-1]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sort", ["name", "size"])
async def test_equal_files_that_come_and_go_move_no_page(api: ApiClient, sort: str, order: str) -> None:
    async def same(count: int) -> list[str]:
        return [(await api.request(name="same", size=7)).id for _ in range(count)]

    ids = sorted(await same(6), reverse=order == "desc")
    page = (await api.list(sort=sort, order=order, limit=2)).data
    seen = [file["id"] for file in page["items"]]
    # The very file that the cursor stands for, one that was seen, and one that was not.
    gone = [ids[1], ids[0], ids[3]]
    await asyncio.gather(*map(api.delete, gone))
    come = await same(2)
    rest = await everything(api, sort=sort, order=order, limit=1, cursor=page["next"])
    seen += [file["id"] for file in rest]
    assert len(set(seen)) == len(seen)
    assert [one for one in seen if one not in come] == [*ids[:3], *ids[4:]]


@pytest.mark.parametrize("sort", SORTS)
async def test_a_cursor_reads_back_the_other_way(api: ApiClient, sort: str) -> None:
    files = sorted_as(await various(api), sort, "asc")
    page = (await api.list(sort=sort, order="asc", limit=5)).data
    back = (await api.list(sort=sort, order="desc", cursor=page["next"])).data
    assert back["items"] == files[:4][::-1]


async def test_the_list_filters_by_content_type(api: ApiClient) -> None:
    for kind in (
        *("image/png", "IMAGE/PNG; q=1", "image/jpeg", "image/png2", "images/x"),
        "text/plain;charset=utf-8",
    ):
        await api.request(name=kind.replace("/", " "), size=1, contentType=kind)
    assert await names(api, contentType="image/png", order="asc") == ["image png", "IMAGE PNG; q=1"]
    assert await names(api, contentType="Image/*", order="asc") == [
        *("image png", "IMAGE PNG; q=1", "image jpeg", "image png2"),
    ]
    assert await names(api, contentType="text/plain") == ["text plain;charset=utf-8"]
    assert await names(api, contentType="text/plai.") == []


async def test_the_list_filters_by_size_with_both_bounds_in_it(api: ApiClient) -> None:
    for size in (0, 1, 2, 3, 2**40):
        await api.request(name=str(size), size=size)
    assert await names(api, minSize=1, maxSize=3, sort="size") == ["3", "2", "1"]
    assert await names(api, minSize=3, order="asc") == ["3", str(2**40)]
    assert await names(api, maxSize=0) == ["0"]
    assert await names(api, minSize=2, maxSize=1) == []
    assert await names(api, minSize=2**53 - 1) == []


async def test_the_list_filters_by_time_from_one_until_before_another(api: ApiClient) -> None:
    files = []
    for number in range(4):
        files.append((await api.request(name=str(number), size=1)).data["file"])
        await asyncio.sleep(0.002)  # times are stored in milliseconds
    times = [file["createdAt"] for file in files]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert await names(api, createdAfter=times[1], createdBefore=times[3], order="asc") == ["1", "2"]
    assert await names(api, createdAfter=times[1], sort="name") == ["1", "2", "3"]
    assert await names(api, createdBefore=times[1]) == ["0"]
    assert await names(api, createdAfter=times[3], createdBefore=times[0]) == []


async def test_times_may_have_any_offset_and_precision(api: ApiClient) -> None:
    file = (await api.request(name="a", size=1)).data["file"]
    time = file["createdAt"]
    micro = time.removesuffix("Z") + "001Z"
    elsewhere = datetime.fromisoformat(time).astimezone(UTC) + timedelta(hours=5, minutes=30)
    assert await names(api, createdAfter=elsewhere.strftime("%Y-%m-%dt%H:%M:%S.%f+05:30")) == ["a"]
    assert await names(api, createdAfter=micro) == []
    assert await names(api, createdBefore=micro) == ["a"]
    always = {"createdAfter": "0000-01-01T00:00:00Z", "createdBefore": "9999-12-31T23:59:59.9999-12:00"}
    assert await names(api, **always) == ["a"]


async def test_a_prefix_of_a_name_takes_all_that_begins_with_it(api: ApiClient) -> None:
    for name in ("a\U0010ffff", "a\U0010ffffb", "b", "\ud7ff", "\ud7ffa", "\ue000"):
        await api.request(name=name, size=1)
    assert await names(api, name="a", sort="name") == ["a\U0010ffff", "a\U0010ffffb"]
    assert await names(api, name="a\U0010ffff", sort="name") == ["a\U0010ffff", "a\U0010ffffb"]
    assert await names(api, name="\ud7ff", sort="name", order="desc") == ["\ud7ffa", "\ud7ff"]
    assert await names(api, name="\U0010ffff") == []


@pytest.mark.parametrize("sort", SORTS)
async def test_filters_work_together(api: ApiClient, sort: str) -> None:
    files = []
    for number in range(12):
        kind = "image/png" if number % 2 else "text/plain"
        name = f"{'ab'[number % 3 == 0]}-{number}"
        files.append((await api.request(name=name, size=number, contentType=kind)).data["file"])
    await api.delete(files.pop()["id"])
    filters: dict[str, Any] = {
        "status": ["PENDING", "FAILED", "PENDING"],
        "name": "a-",
        "contentType": "image/*",
        "minSize": 1,
        "maxSize": 9,
        "createdAfter": files[0]["createdAt"],
        "createdBefore": "9000-01-01T00:00:00Z",
    }
    wanted = [file for file in files if file["name"] in {"a-1", "a-5", "a-7"}]
    for order in ORDERS:
        assert await everything(api, sort=sort, order=order, limit=1, **filters) == sorted_as(
            wanted, sort, order
        )
    assert (await api.list(sort=sort, limit=1, totalCount=True, **filters)).data["total"] == 3


async def test_files_are_counted_only_where_asked_for(api: ApiClient) -> None:
    files = [(await api.request(name=f"file-{number}", size=number)).data["file"] for number in range(5)]
    await api.delete(files[0]["id"])
    assert (await api.list(limit=2)).data["total"] is None
    page = (await api.list(limit=2, totalCount=True)).data
    assert page["total"] == 4
    # Of all pages, wherever one is.
    assert (await api.list(limit=2, totalCount=True, cursor=page["next"])).data["total"] == 4
    for filters in (
        {"status": ["PENDING"], "minSize": 3},
        {"name": "file-3"},
        {"createdAfter": files[3]["createdAt"], "name": "file"},
        {"contentType": "application/*", "minSize": 3},
    ):
        found = (await api.list(totalCount=True, **filters)).data
        assert found["total"] == len(found["items"]) > 0
    assert (await api.list(totalCount=True, status=["FAILED"])).data["total"] == 0


async def test_mongodb_counts_once_where_asked_for_and_never_else(
    api: ApiClient, service: Service, owner: str
) -> None:
    await make(api, 2)
    settings = service.settings
    with pymongo.MongoClient[dict[str, Any]](settings.mongodb_url.get_secret_value()) as client:
        database = client[settings.mongodb_database]
        database.command("profile", 2)
        try:
            await api.list(limit=1)
            counted = {"command.aggregate": "files", "command.pipeline.0.$match.owner": owner}
            listed = {"command.find": "files", "command.filter.owner": owner}
            assert database["system.profile"].count_documents(listed) == 1
            assert database["system.profile"].count_documents(counted) == 0
            await api.list(limit=1, totalCount=True)
            assert database["system.profile"].count_documents(counted) == 1
        finally:
            database.command("profile", 0)


async def test_a_cursor_from_before_there_were_sorts_is_still_good(api: ApiClient) -> None:
    ids = await make(api, 2)
    created = datetime.fromisoformat((await api.get(ids[1])).data["createdAt"])
    old = encoded([round(created.timestamp() * 1000), ids[1]])
    assert [file["id"] for file in (await api.list(cursor=old)).data["items"]] == ids[:1]


@pytest.mark.parametrize("sort", SORTS)
async def test_a_cursor_belongs_to_its_sort(api: ApiClient, sort: str) -> None:
    await make(api, 2)
    cursor = (await api.list(limit=1, sort=sort)).data["next"]
    assert (await api.list(sort=sort, cursor=cursor)).code is None
    for other in {*SORTS} - {sort}:
        refused = await api.list(sort=other, cursor=cursor)
        assert refused.code == "invalid_input"
        assert list(refused.context["fields"]) == ["cursor"]


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("createdAt", [True, "0" * 24]),
        ("createdAt", ["createdAt", 1, "0" * 24]),
        ("name", ["name", 1, "0" * 24]),
        ("name", ["name", "a", "0"]),
        ("name", ["name", "\ud800", "0" * 24]),
        ("name", ["name", "a"]),
        ("size", ["size", "1", "0" * 24]),
        ("size", ["size", True, "0" * 24]),
        ("size", ["size", 2**63, "0" * 24]),
        ("size", ["size", 1.5, "0" * 24]),
        ("size", {"size": 1}),
    ],
    ids=repr,
)
async def test_a_made_up_cursor_is_refused(api: ApiClient, sort: str, key: Any) -> None:
    refused = await api.list(sort=sort, cursor=encoded(key))
    assert refused.code == "invalid_input"
    assert list(refused.context["fields"]) == ["cursor"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("minSize", -1),
        ("maxSize", -1),
        ("minSize", 2**53),
        ("maxSize", 10**30),
        ("contentType", ""),
        ("contentType", "image"),
        ("contentType", "image/"),
        ("contentType", "*/*"),
        ("contentType", "*/png"),
        ("contentType", "image/p*"),
        ("contentType", "text/plain; charset=utf-8"),
        ("contentType", "a/" + "b" * 300),
        ("limit", 0),
    ],
    ids=repr,
)
async def test_a_wrong_filter_is_refused_by_its_name(api: ApiClient, field: str, value: Any) -> None:
    refused = await api.list(**{field: value})
    assert refused.code == "invalid_input"
    assert list(refused.context["fields"]) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("createdAfter", time)
            for time in (
                *("", "yesterday", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z"),
                *(
                    "2026-02-30T00:00:00Z",
                    "2026-01-01T00:00:00+2:00",
                    "1767225600",
                    "2026-01-01T00:00:00+99:99",
                ),
            )
        ),
        ("createdBefore", "tomorrow"),
        ("minSize", "many"),
        ("maxSize", 1.5),
        ("sort", "colour"),
        ("sort", ""),
        ("order", "sideways"),
    ],
    ids=repr,
)
async def test_a_value_of_the_wrong_kind_is_refused(api: ApiClient, field: str, value: Any) -> None:
    refused = await api.list(**{field: value})
    assert refused.code == "invalid_input"
    # GraphQL refuses these by its types, before any use-case: there the message names the variable.
    assert field in refused.message
