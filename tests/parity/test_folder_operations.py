"""Whole folders that are moved and deleted."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

from stack.stack import Stack
from tests import waiting
from tests.parity.apis import ApiClient, Outcome
from tests.service import Service, running_service
from tests.uploads import purged, stored

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


@pytest.fixture(scope="module")
def with_trash(stack: Stack) -> Iterator[Service]:
    """A Waybill with a trash and a quota."""
    with running_service(stack, purge_delay="3600", owner_quota_bytes="1000000") as running:
        yield running


@pytest.fixture
async def trash_face(api_class: type[ApiClient], with_trash: Service, owner: str) -> Any:
    """The API of this run, with a trash."""
    async with with_trash.client(owner) as client:
        yield api_class(client)


async def ended(api: ApiClient, accepted: Outcome) -> Any:
    """The operation, once it has ended."""
    assert accepted.code is None, accepted

    async def look() -> Any:
        found = await api.operation(accepted.id)
        assert found.code is None, found
        return found.data if found.data["finishedAt"] is not None else None

    return await waiting.until(look, "the operation ends")


async def request(api: ApiClient, *folders: str, name: str = "a") -> list[str]:
    """Request an upload in each folder; their ids."""
    return [(await api.request(name=name, size=1, folder=folder)).id for folder in folders]


async def folders_of(api: ApiClient, ids: list[str]) -> list[str]:
    return [(await api.get(file_id)).data["folder"] for file_id in ids]


async def is_deleted(api: ApiClient, ids: list[str]) -> list[bool]:
    return [(await api.get(file_id)).data["deletedAt"] is not None for file_id in ids]


async def test_a_folder_moves_with_all_that_is_below_it(api: ApiClient, stranger: ApiClient) -> None:
    ids = await request(api, "photos/", "photos/2026/", "photos/é/x/", "photos.b/", "photos0/", "")
    foreign = await request(stranger, "photos/")
    accepted = await api.move_folder("photos/", "archive/p/")
    assert (accepted.data["kind"], accepted.data["folder"], accepted.data["to"]) == (
        "MOVE_FOLDER",
        "photos/",
        "archive/p/",
    )
    assert accepted.data["status"] in {"PENDING", "RUNNING", "DONE"}
    operation = await ended(api, accepted)
    assert (operation["status"], operation["done"], operation["total"]) == ("DONE", 3, 3)
    assert await folders_of(api, ids) == [
        *("archive/p/", "archive/p/2026/", "archive/p/é/x/"),
        *("photos.b/", "photos0/", ""),
    ]
    assert await folders_of(stranger, foreign) == ["photos/"]
    assert (await api.folders(folder="photos/")).data["items"] == []


async def test_a_folder_moves_to_the_top_and_up(api: ApiClient) -> None:
    ids = await request(api, "a/", "a/b/", "a/a/")
    await ended(api, await api.move_folder("a/", ""))
    assert await folders_of(api, ids) == ["", "b/", "a/"]
    ids = await request(api, "x/y/", "x/y/y/")
    operation = await ended(api, await api.move_folder("x/y/", "x/"))
    # What is now in the folder that was moved is not moved again.
    assert await folders_of(api, ids) == ["x/", "x/y/"]
    assert (operation["done"], operation["total"]) == (2, 2)


async def test_files_of_the_same_names_are_all_kept(api: ApiClient) -> None:
    ids = await request(api, "a/", "b/")
    await ended(api, await api.move_folder("a/", "b/"))
    assert await folders_of(api, ids) == ["b/", "b/"]
    listed = (await api.list(folder="b/")).data["items"]
    assert {each["id"] for each in listed} == set(ids)


async def test_a_folder_is_deleted_with_all_that_is_below_it(api: ApiClient, stranger: ApiClient) -> None:
    ids = await request(api, "a/", "a/b/", "a.b/", "")
    file = await stored(api, os.urandom(100), folder="a/b/")
    foreign = await request(stranger, "a/")
    operation = await ended(api, await api.delete_folder("a/"))
    assert (operation["kind"], operation["status"], operation["done"]) == ("DELETE_FOLDER", "DONE", 3)
    assert (operation["total"], operation["to"]) == (3, None)
    assert await is_deleted(api, ids) == [True, True, False, False]
    assert await is_deleted(stranger, foreign) == [False]
    assert (await purged(api, file["id"]))["folder"] == "a/b/"


async def test_a_deletion_follows_the_trash_setting(trash_face: ApiClient) -> None:
    api = trash_face
    file = await stored(api, os.urandom(100), folder="a/b/")
    operation = await ended(api, await api.delete_folder("a/"))
    assert operation["done"] == 1
    assert (await api.list(deleted=True)).data["items"][0]["id"] == file["id"]
    assert (await api.usage()).data["used"] == 0
    # It keeps its folder in the trash, and comes back into it.
    await ended(api, await api.move_folder("a/", "c/"))
    restored = await api.restore(file["id"])
    assert (restored.data["status"], restored.data["folder"]) == ("COMPLETED", "a/b/")


async def test_a_content_of_the_folder_goes_on_under_its_other_names(api: ApiClient) -> None:
    content = os.urandom(100)
    holder = await stored(api, content, folder="a/")
    names = [await stored(api, content, folder=folder) for folder in ("a/", "b/")]
    operation = await ended(api, await api.delete_folder("a/"))
    assert operation["done"] == 2
    assert await is_deleted(api, [holder["id"], names[0]["id"], names[1]["id"]]) == [True, True, False]
    assert (await api.get(names[1]["id"])).data["status"] == "COMPLETED"
    assert (await api.download(names[1]["id"])).code is None


async def test_an_empty_folder_is_done_at_once(api: ApiClient) -> None:
    for accepted in (await api.move_folder("none/", "a/"), await api.delete_folder("none/")):
        operation = await ended(api, accepted)
        assert (operation["status"], operation["done"], operation["total"]) == ("DONE", 0, 0)


async def test_operations_take_effect_in_their_order(api: ApiClient) -> None:
    ids = await request(api, *["a/"] * 150, "b/")
    moved = await api.move_folder("a/", "b/")
    again = await api.move_folder("b/", "c/")
    deleted = await api.delete_folder("a/")
    assert (await ended(api, moved))["done"] == 150
    assert (await ended(api, again))["done"] == 151
    assert (await ended(api, deleted))["done"] == 0
    assert set(await folders_of(api, ids)) == {"c/"}
    assert not any(await is_deleted(api, ids))


async def test_files_that_come_after_the_operation_stay(api: ApiClient) -> None:
    old = await request(api, *["a/"] * 150)
    outside = await request(api, "b/")
    accepted = await api.delete_folder("a/")
    new = await request(api, "a/")
    await api.update(outside[0], folder="a/")
    operation = await ended(api, accepted)
    assert (operation["done"], operation["total"]) == (150, 150)
    assert all(await is_deleted(api, old))
    assert await is_deleted(api, new + outside) == [False, False]


async def test_a_folder_that_would_be_too_long_fails_before_anything_moves(api: ApiClient) -> None:
    ids = await request(api, "a/", "a/" + "b" * 500 + "/")
    operation = await ended(api, await api.move_folder("a/", "c" * 523 + "/"))
    assert (operation["status"], operation["failureReason"]) == ("FAILED", "FOLDER_TOO_LONG")
    assert (operation["done"], operation["total"]) == (0, None)
    assert await folders_of(api, ids) == ["a/", "a/" + "b" * 500 + "/"]
    # One byte less fits.
    operation = await ended(api, await api.move_folder("a/", "c" * 522 + "/"))
    assert (operation["status"], operation["done"]) == ("DONE", 2)


@pytest.mark.parametrize(
    ("source", "to", "field"),
    [
        ("", "a/", "from"),
        ("a", "b/", "from"),
        ("a/", "b", "to"),
        ("a/", "../", "to"),
        ("a/", "a/", "to"),
        ("a/", "a/b/", "to"),
        ("a/", "b" * 1024 + "/", "to"),
    ],
)
async def test_a_move_that_cannot_be_is_refused(api: ApiClient, source: str, to: str, field: str) -> None:
    refused = await api.move_folder(source, to)
    assert (refused.code, list(refused.context["fields"])) == ("invalid_input", [field])


@pytest.mark.parametrize("folder", ["", "a", "/", "a//"])
async def test_a_deletion_that_cannot_be_is_refused(api: ApiClient, folder: str) -> None:
    refused = await api.delete_folder(folder)
    assert (refused.code, list(refused.context["fields"])) == ("invalid_input", ["folder"])


async def test_a_repeat_returns_the_same_operation(api: ApiClient) -> None:
    await request(api, "a/")
    answers = await asyncio.gather(*(api.move_folder("a/", "b/", KEY) for _ in range(10)))
    assert {answer.code for answer in answers} == {None}
    [operation_id] = {answer.id for answer in answers}
    await ended(api, answers[0])
    again = await api.move_folder("a/", "b/", KEY)
    assert (again.id, again.data["status"]) == (operation_id, "DONE")
    for other in (api.move_folder("a/", "c/", KEY), api.delete_folder("a/", KEY)):
        assert (await other).code == "idempotency_conflict"
    # A key of an upload is another key.
    assert (await api.request(KEY, name="a", size=1)).code is None
    assert (await api.delete_folder("a/", "x" * 256)).code == "invalid_input"


@pytest.fixture(scope="module")
def without_worker(stack: Stack) -> Iterator[Service]:
    """A Waybill whose worker has stopped."""
    with running_service(stack) as running:
        running.worker.stop()
        yield running


async def test_an_owner_can_have_ten_open_operations(
    api_class: type[ApiClient], without_worker: Service, owner: str
) -> None:
    owners = without_worker.client(owner), without_worker.client(f"not-{owner}")
    async with owners[0] as client, owners[1] as other:
        api = api_class(client)
        answers = await asyncio.gather(*(api.delete_folder(f"{n}/", f"{n}") for n in range(20)))
        accepted = [answer for answer in answers if answer.code is None]
        refused = {answer.code: answer.context for answer in answers if answer.code is not None}
        assert len(accepted) == 10
        assert list(refused) == ["too_many_operations"]
        assert refused["too_many_operations"]["limit"] == 10
        # A repeat asks for nothing new.
        again = await api.delete_folder(accepted[0].data["folder"], accepted[0].data["folder"][:-1])
        assert again.id == accepted[0].id
        assert (await api_class(other).delete_folder("a/")).code is None
        without_worker.worker.restart()
        for each in accepted:
            await ended(api, each)
        without_worker.worker.stop()
        assert (await api.delete_folder("a/")).code is None


async def test_an_operation_is_its_owners(api: ApiClient, stranger: ApiClient, anonymous: ApiClient) -> None:
    accepted = await api.delete_folder("a/")
    assert (await stranger.operation(accepted.id)).code == "operation_not_found"
    assert (await anonymous.operation(accepted.id)).code == "unauthenticated"
    for unknown in ("6b043f91342f2be4ee3195a4", "x"):
        assert (await api.operation(unknown)).code == "operation_not_found"
