"""Lists: pages, filters, sorts and counts."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pymongo
import pytest

from tests.parity.faces import Face
from tests.service import Service
from tests.uploads import stored

SORTS = ("createdAt", "name", "size")
ORDERS = ("asc", "desc")


async def make(face: Face, count: int) -> list[str]:
    return [(await face.request(name=f"file-{number}", size=1)).id for number in range(count)]


async def everything(face: Face, **filters: Any) -> list[dict[str, Any]]:
    """The files of all pages."""
    seen: list[dict[str, Any]] = []
    while True:
        page = (await face.list(**filters)).data
        seen += page["items"]
        if page["next"] is None:
            return seen
        filters["cursor"] = page["next"]


async def names(face: Face, **filters: Any) -> list[str]:
    return [file["name"] for file in (await face.list(**filters)).data["items"]]


async def various(face: Face) -> list[dict[str, Any]]:
    """Files of which several share a name, and several a size."""
    return [
        (await face.request(name=f"{'bBaé😀'[number % 5]}.txt", size=number % 3)).data["file"]
        for number in range(11)
    ]


def sorted_as(files: list[dict[str, Any]], sort: str, order: str) -> list[dict[str, Any]]:
    return sorted(files, key=lambda file: (file[sort], file["id"]), reverse=order == "desc")


def encoded(key: object) -> str:
    """A cursor of that key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).rstrip(b"=").decode()


async def test_pages_hold_each_file_once_newest_first(face: Face) -> None:
    ids = await make(face, 7)
    assert [file["id"] for file in await everything(face, limit=3)] == ids[::-1]


async def test_a_page_that_is_exactly_full_is_the_last(face: Face) -> None:
    await make(face, 3)
    page = (await face.list(limit=3)).data
    assert len(page["items"]) == 3
    assert page["next"] is None


async def test_files_that_come_meanwhile_do_not_move_the_pages(face: Face) -> None:
    ids = await make(face, 4)
    first = (await face.list(limit=2)).data
    await make(face, 3)
    second = (await face.list(limit=2, cursor=first["next"])).data
    assert [file["id"] for file in first["items"] + second["items"]] == ids[::-1]


async def test_the_list_filters_by_status(face: Face) -> None:
    await make(face, 2)
    completed = await stored(face, b"done")
    assert (await face.list(status=["COMPLETED"])).data["items"] == [completed]
    both = (await face.list(status=["COMPLETED", "PENDING"])).data["items"]
    assert len(both) == 3
    assert (await face.list(status=["FAILED"])).data["items"] == []


async def test_the_list_filters_by_the_beginning_of_the_name(face: Face) -> None:
    for name in ("report-1.pdf", "report-2.pdf", "Report.pdf", "my report"):
        await face.request(name=name, size=1)
    found = (await face.list(name="report")).data["items"]
    assert [file["name"] for file in found] == ["Report.pdf", "report-2.pdf", "report-1.pdf"]
    assert (await face.list(name="report.*")).data["items"] == []


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sort", SORTS)
async def test_pages_of_each_sort_hold_each_file_once_in_order(face: Face, sort: str, order: str) -> None:
    files = await various(face)
    for limit in (1, 2, 4, 11):
        assert await everything(face, sort=sort, order=order, limit=limit) == sorted_as(files, sort, order)


@pytest.mark.parametrize(("sort", "order"), [("createdAt", "desc"), ("name", "asc"), ("size", "desc")])
async def test_each_sort_has_an_order_of_its_own(face: Face, sort: str, order: str) -> None:
    files = await various(face)
    assert (await face.list(sort=sort)).data["items"] == sorted_as(files, sort, order)
    newest_first = sorted_as(files, "createdAt", "desc")
    assert (await face.list()).data["items"] == newest_first
    assert (await face.list(order="asc")).data["items"] == newest_first[::-1]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sort", ["name", "size"])
async def test_equal_files_that_come_and_go_move_no_page(face: Face, sort: str, order: str) -> None:
    async def same(count: int) -> list[str]:
        return [(await face.request(name="same", size=7)).id for _ in range(count)]

    ids = sorted(await same(6), reverse=order == "desc")
    page = (await face.list(sort=sort, order=order, limit=2)).data
    seen = [file["id"] for file in page["items"]]
    # The very file that the cursor stands for, one that was seen, and one that was not.
    gone = [ids[1], ids[0], ids[3]]
    await asyncio.gather(*map(face.delete, gone))
    come = await same(2)
    rest = await everything(face, sort=sort, order=order, limit=1, cursor=page["next"])
    seen += [file["id"] for file in rest]
    assert len(set(seen)) == len(seen)
    assert [one for one in seen if one not in come] == [*ids[:3], *ids[4:]]


@pytest.mark.parametrize("sort", SORTS)
async def test_a_cursor_reads_back_the_other_way(face: Face, sort: str) -> None:
    files = sorted_as(await various(face), sort, "asc")
    page = (await face.list(sort=sort, order="asc", limit=5)).data
    back = (await face.list(sort=sort, order="desc", cursor=page["next"])).data
    assert back["items"] == files[:4][::-1]


async def test_the_list_filters_by_content_type(face: Face) -> None:
    for kind in (
        *("image/png", "IMAGE/PNG; q=1", "image/jpeg", "image/png2", "images/x"),
        "text/plain;charset=utf-8",
    ):
        await face.request(name=kind.replace("/", " "), size=1, contentType=kind)
    assert await names(face, contentType="image/png", order="asc") == ["image png", "IMAGE PNG; q=1"]
    assert await names(face, contentType="Image/*", order="asc") == [
        *("image png", "IMAGE PNG; q=1", "image jpeg", "image png2"),
    ]
    assert await names(face, contentType="text/plain") == ["text plain;charset=utf-8"]
    assert await names(face, contentType="text/plai.") == []


async def test_the_list_filters_by_size_with_both_bounds_in_it(face: Face) -> None:
    for size in (0, 1, 2, 3, 2**40):
        await face.request(name=str(size), size=size)
    assert await names(face, minSize=1, maxSize=3, sort="size") == ["3", "2", "1"]
    assert await names(face, minSize=3, order="asc") == ["3", str(2**40)]
    assert await names(face, maxSize=0) == ["0"]
    assert await names(face, minSize=2, maxSize=1) == []
    assert await names(face, minSize=2**53 - 1) == []


async def test_the_list_filters_by_time_from_one_until_before_another(face: Face) -> None:
    files = []
    for number in range(4):
        files.append((await face.request(name=str(number), size=1)).data["file"])
        await asyncio.sleep(0.002)  # times are stored in milliseconds
    times = [file["createdAt"] for file in files]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert await names(face, createdAfter=times[1], createdBefore=times[3], order="asc") == ["1", "2"]
    assert await names(face, createdAfter=times[1], sort="name") == ["1", "2", "3"]
    assert await names(face, createdBefore=times[1]) == ["0"]
    assert await names(face, createdAfter=times[3], createdBefore=times[0]) == []


async def test_times_may_have_any_offset_and_precision(face: Face) -> None:
    file = (await face.request(name="a", size=1)).data["file"]
    time = file["createdAt"]
    micro = time.removesuffix("Z") + "001Z"
    elsewhere = datetime.fromisoformat(time).astimezone(UTC) + timedelta(hours=5, minutes=30)
    assert await names(face, createdAfter=elsewhere.strftime("%Y-%m-%dt%H:%M:%S.%f+05:30")) == ["a"]
    assert await names(face, createdAfter=micro) == []
    assert await names(face, createdBefore=micro) == ["a"]
    always = {"createdAfter": "0000-01-01T00:00:00Z", "createdBefore": "9999-12-31T23:59:59.9999-12:00"}
    assert await names(face, **always) == ["a"]


async def test_a_prefix_of_a_name_takes_all_that_begins_with_it(face: Face) -> None:
    for name in ("a\U0010ffff", "a\U0010ffffb", "b", "\ud7ff", "\ud7ffa", "\ue000"):
        await face.request(name=name, size=1)
    assert await names(face, name="a", sort="name") == ["a\U0010ffff", "a\U0010ffffb"]
    assert await names(face, name="a\U0010ffff", sort="name") == ["a\U0010ffff", "a\U0010ffffb"]
    assert await names(face, name="\ud7ff", sort="name", order="desc") == ["\ud7ffa", "\ud7ff"]
    assert await names(face, name="\U0010ffff") == []


@pytest.mark.parametrize("sort", SORTS)
async def test_filters_work_together(face: Face, sort: str) -> None:
    files = []
    for number in range(12):
        kind = "image/png" if number % 2 else "text/plain"
        name = f"{'ab'[number % 3 == 0]}-{number}"
        files.append((await face.request(name=name, size=number, contentType=kind)).data["file"])
    await face.delete(files.pop()["id"])
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
        assert await everything(face, sort=sort, order=order, limit=1, **filters) == sorted_as(
            wanted, sort, order
        )
    assert (await face.list(sort=sort, limit=1, totalCount=True, **filters)).data["total"] == 3


async def test_files_are_counted_only_where_asked_for(face: Face) -> None:
    files = [(await face.request(name=f"file-{number}", size=number)).data["file"] for number in range(5)]
    await face.delete(files[0]["id"])
    assert (await face.list(limit=2)).data["total"] is None
    page = (await face.list(limit=2, totalCount=True)).data
    assert page["total"] == 4
    # Of all pages, wherever one is.
    assert (await face.list(limit=2, totalCount=True, cursor=page["next"])).data["total"] == 4
    for filters in (
        {"status": ["PENDING"], "minSize": 3},
        {"name": "file-3"},
        {"createdAfter": files[3]["createdAt"], "name": "file"},
        {"contentType": "application/*", "minSize": 3},
    ):
        found = (await face.list(totalCount=True, **filters)).data
        assert found["total"] == len(found["items"]) > 0
    assert (await face.list(totalCount=True, status=["FAILED"])).data["total"] == 0


async def test_mongodb_counts_once_where_asked_for_and_never_else(
    face: Face, service: Service, owner: str
) -> None:
    await make(face, 2)
    settings = service.settings
    with pymongo.MongoClient[dict[str, Any]](settings.mongodb_url.get_secret_value()) as client:
        database = client[settings.mongodb_database]
        database.command("profile", 2)
        try:
            await face.list(limit=1)
            counted = {"command.aggregate": "files", "command.pipeline.0.$match.owner": owner}
            listed = {"command.find": "files", "command.filter.owner": owner}
            assert database["system.profile"].count_documents(listed) == 1
            assert database["system.profile"].count_documents(counted) == 0
            await face.list(limit=1, totalCount=True)
            assert database["system.profile"].count_documents(counted) == 1
        finally:
            database.command("profile", 0)


async def test_a_cursor_from_before_there_were_sorts_is_still_good(face: Face) -> None:
    ids = await make(face, 2)
    created = datetime.fromisoformat((await face.get(ids[1])).data["createdAt"])
    old = encoded([round(created.timestamp() * 1000), ids[1]])
    assert [file["id"] for file in (await face.list(cursor=old)).data["items"]] == ids[:1]


@pytest.mark.parametrize("sort", SORTS)
async def test_a_cursor_belongs_to_its_sort(face: Face, sort: str) -> None:
    await make(face, 2)
    cursor = (await face.list(limit=1, sort=sort)).data["next"]
    assert (await face.list(sort=sort, cursor=cursor)).code is None
    for other in {*SORTS} - {sort}:
        refused = await face.list(sort=other, cursor=cursor)
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
async def test_a_made_up_cursor_is_refused(face: Face, sort: str, key: Any) -> None:
    refused = await face.list(sort=sort, cursor=encoded(key))
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
async def test_a_wrong_filter_is_refused_by_its_name(face: Face, field: str, value: Any) -> None:
    refused = await face.list(**{field: value})
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
async def test_a_value_of_the_wrong_kind_is_refused(face: Face, field: str, value: Any) -> None:
    refused = await face.list(**{field: value})
    assert refused.code == "invalid_input"
    # GraphQL refuses these by its types, before any use-case: there the message names the variable.
    assert field in refused.message
