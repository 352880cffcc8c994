"""A process that dies before or after any command of a handover leaves one file that holds the content."""

import itertools
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.waybill.conftest import insert_file, new_file, reload
from tests.waybill.kills import KilledError, killed_at
from waybill.files import contents, handover, transitions
from waybill.files.contents import HolderGoneError
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.repository import file_of
from waybill.files.transitions import ContentTakenError
from waybill.resources import Resources

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
DELETED = {"deleted_at": NOW, "purge_at": LATER, "due_at": LATER}
SHA256 = "0" * 64


async def make_content(*states: dict[str, Any]) -> list[File]:
    """A content with several names, the first of which has the object."""
    owner = f"owner-{uuid.uuid4()}"
    holder = {"status": Status.COMPLETED, "sha256": SHA256, "duplicated_at": NOW, "charged": True}
    files = [await insert_file(owner, **holder, **states[0], object_key=f"object-of-{owner}")]
    for number, state in enumerate(states[1:]):
        name = {"status": Status.DUPLICATE, "sha256": SHA256, "duplicate_of": files[0].id}
        files.append(await insert_file(owner, **name, **state, created_at=NOW + timedelta(seconds=number)))
    return files


async def check(files: list[File]) -> list[File]:
    """Check that one file has the object, and that it is the COMPLETED one."""
    owner = files[0].owner
    found = [file_of(each) async for each in _files().find({"owner": owner})]
    living = [file for file in found if file.deleted_at is None]
    holders = [file for file in living if file.status is Status.COMPLETED]
    assert len(holders) == bool(living)
    assert len({file.object_key for file in found}) == len(found)
    [owning] = [file for file in found if file.object_key == f"object-of-{owner}"]
    assert owning.status is Status.COMPLETED
    assert holders in ([], [owning])
    assert all(file.duplicate_of == owning.id for file in living if file is not owning)
    return found


def _files() -> Any:
    return File.get_motor_collection()


async def delete(files: list[File]) -> None:
    await handover.delete(await reload(files[0]), {"deleted_at": None}, **DELETED)


async def restore(files: list[File]) -> None:
    file = await reload(files[1])
    if file.deleted_at is not None:
        try:
            assert await handover.restore_from_trash(file, 100) is not None
        except ContentTakenError:
            # The commit of the one that died came through meanwhile.
            assert (await reload(files[1])).deleted_at is None


async def restore_beside(files: list[File]) -> None:
    file = await reload(files[1])
    if file.deleted_at is not None:
        await contents.restore_as_duplicate(file, files[0], purge_at=None, due_at=None)


async def purge(files: list[File]) -> None:
    await transitions.change(files[0], {"purge_began_at": None}, purge_at=NOW - timedelta(hours=1))
    await handover.begin_purge(await reload(files[0]))


async def add(files: list[File]) -> None:
    name = {"status": Status.DUPLICATE, "sha256": SHA256, "duplicate_of": files[0].id, "name": "another"}
    await contents.insert_name(new_file(files[0].owner, **name), files[0])


LIVING: dict[str, Any] = {}
LONGER = {**DELETED, "purge_at": LATER + timedelta(hours=1)}


@pytest.mark.parametrize(
    ("operation", "states"),
    [
        (delete, [LIVING, LIVING, LIVING]),
        (delete, [LIVING, DELETED]),
        (restore, [DELETED, DELETED]),
        (restore_beside, [LIVING, DELETED]),
        (purge, [DELETED, LONGER]),
        (purge, [DELETED, LIVING, LIVING]),
        (add, [LIVING, LIVING]),
    ],
)
async def test_a_kill_at_any_write_leaves_one_holder(
    resources: Resources,
    monkeypatch: pytest.MonkeyPatch,
    operation: Callable[[list[File]], Awaitable[None]],
    states: list[dict[str, Any]],
) -> None:
    for moment in itertools.count():
        files = await make_content(*states)
        try:
            with monkeypatch.context() as patch:
                killed_at(patch, moment)
                await operation(files)
        except KilledError:
            if operation is not purge or states[1] is not LIVING:
                # An older release has deleted that holder alone.
                await check(files)
            await operation(files)
            await check(files)
        else:
            await check(files)
            assert moment >= 4
            return


@pytest.mark.parametrize("names", [handover.FOLLOWERS - 1, 3 * handover.FOLLOWERS])
async def test_the_names_of_a_large_content_follow_in_bounded_steps(
    resources: Resources, monkeypatch: pytest.MonkeyPatch, names: int
) -> None:
    monkeypatch.setattr(handover, "FOLLOW_NAMES", 90)
    files = await make_content(*[LIVING] * (names + 2))
    await delete(files)
    heir = await reload(files[1])
    assert heir.status is Status.COMPLETED
    followed = {"owner": heir.owner, "duplicate_of": heir.id, "deleted_at": None}
    at_once = await _files().count_documents(followed)
    assert at_once == min(names, handover.FOLLOWERS)
    # Another handover meanwhile.
    await handover.delete(heir, {"deleted_at": None}, **DELETED)
    assert await handover.follow_names() == max(0, names - 1 - handover.FOLLOWERS)
    await check(files)
    assert await handover.follow_names() == 0
    assert not await _files().count_documents({"unfollowed": True})


async def test_nothing_follows_a_file_that_holds_the_content_no_longer(resources: Resources) -> None:
    files = await make_content(LIVING, LIVING)
    await delete(files)
    with pytest.raises(HolderGoneError):
        await add(files)
