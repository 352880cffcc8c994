"""The change stream of a real MongoDB: each change in order, with its file, from any resume token."""

import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.service import Service
from tests.waybill.conftest import insert_file, new_file, reload
from waybill import indexes
from waybill.events import change_stream
from waybill.events.change_stream import Change, HistoryLostError, cluster_time_of
from waybill.files import repository, transitions
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.indexes import DOCUMENTS
from waybill.platform.mongo import connection
from waybill.platform.mongo.expressions import NOW, InSeconds

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
async def database(service: Service) -> AsyncIterator[None]:
    settings = service.settings
    async with connection.open_database(settings.mongodb_url.get_secret_value(), "feed", DOCUMENTS):
        await indexes.create_indexes()
        yield


async def changes_after(position: str, owner: str | None = None) -> list[Change]:
    """All changes from there to now."""
    end, found = await change_stream.current_resume_token(), []
    async with aclosing(change_stream.watch(position, owner)) as feed:
        async for each in feed:
            if isinstance(each, Change):
                found.append(each)
            elif change_stream.covers(each, end):
                break
    return found


async def completed(file: File) -> File:
    """Take a file through its life without a pause."""
    processing = await transitions.transition(file, Status.PROCESSING, etag="e", due_at=InSeconds(30))
    assert processing is not None
    done = await transitions.transition(
        processing, Status.COMPLETED, sha256=secrets.token_hex(32), completed_at=NOW, due_at=None
    )
    assert done is not None
    return done


async def test_a_file_is_told_as_each_change_left_it(owner: str) -> None:
    before = await change_stream.current_resume_token()
    done = await completed(await insert_file(owner))
    await transitions.change(done, {}, deleted_at=NOW)
    changes = await changes_after(before)
    seen = [(each.file.status, each.file.sha256, each.file.deleted_at is None) for each in changes]
    assert seen == [
        (Status.PENDING, None, True),
        (Status.PROCESSING, None, True),
        (Status.COMPLETED, done.sha256, True),
        (Status.COMPLETED, done.sha256, False),
    ]
    assert [each.changed for each in changes[1:]] == [
        {"status"},
        {"status", "sha256", "completed_at"},
        {"deleted_at"},
    ]
    assert changes[-1].file == await reload(done)
    assert [cluster_time_of(each.resume_token) for each in changes] == [each.cluster_time for each in changes]


async def test_reading_goes_on_after_any_position_without_gap_or_repeat(owner: str) -> None:
    before = await change_stream.current_resume_token()
    for _ in range(3):
        await completed(await insert_file(owner))
    positions = [each.resume_token for each in await changes_after(before)]
    assert len(positions) == 9
    assert positions == sorted(positions)
    for number, position in enumerate(positions):
        rest = [each.resume_token for each in await changes_after(position)]
        assert rest == positions[number + 1 :]


async def test_what_clients_do_not_see_is_no_change(owner: str) -> None:
    file = await insert_file(owner)
    before = await change_stream.current_resume_token()
    await transitions.change(file, {}, attempt="a", due_at=InSeconds(30))
    await transitions.change(file, {}, upload_id="u")
    assert await changes_after(before) == []


async def test_an_owner_is_told_of_their_own_files_alone(owner: str) -> None:
    before = await change_stream.current_resume_token()
    mine = await insert_file(owner)
    await insert_file(f"not-{owner}")
    assert [each.file.id for each in await changes_after(before, owner)] == [mine.id]


@pytest.mark.parametrize("position", ["", "x", "8267", "00", "82" * 40, "82" + "F" * 60, "é", "82\x00"])
async def test_what_is_no_position_is_refused(position: str) -> None:
    with pytest.raises(HistoryLostError):
        await changes_after(position)


async def test_a_file_and_its_moment_part_what_it_shows_from_what_comes(owner: str) -> None:
    file = await insert_file(owner)
    before = await change_stream.current_resume_token()
    processing = await transitions.transition(file, Status.PROCESSING, etag="e", due_at=InSeconds(30))
    found, moment = await change_stream.find_at(file.file_id, owner)
    assert found == processing
    await transitions.transition(file, Status.FAILED, failure_reason="OBJECT_MISSING", due_at=None)
    moments = {each.file.status: each.cluster_time for each in await changes_after(before)}
    assert moments[Status.PROCESSING] <= moment < moments[Status.FAILED]


async def test_a_document_that_is_no_file_holds_up_nothing(owner: str) -> None:
    before = await change_stream.current_resume_token()
    for broken in ({"status": "UNHEARD_OF", "owner": owner}, {"status": "PENDING"}, {"name": "a"}):
        await File.get_motor_collection().insert_one({"created_at": datetime.now(UTC), **broken})
    file = await insert_file(owner)
    assert [each.file.id for each in await changes_after(before)] == [file.id]


async def test_files_from_before_the_feed_are_told_exactly_once_it_is_set_up(
    service: Service, owner: str
) -> None:
    settings = service.settings
    async with connection.open_database(settings.mongodb_url.get_secret_value(), "feed-upgraded", DOCUMENTS):
        # As an older release left it.
        file = new_file(owner, name="n" * 250)
        await repository.insert(file)
        await indexes.create_indexes()
        before = await change_stream.current_resume_token()
        done = await completed(await reload(file))
        statuses: list[Any] = [(each.file.status, each.file.sha256) for each in await changes_after(before)]
        assert statuses == [(Status.PROCESSING, None), (Status.COMPLETED, done.sha256)]
