"""The documents on a real MongoDB: conditional changes, and queries that stay on their indexes."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WTimeoutError,
)

from tests.service import Service
from waybill import indexes
from waybill.files import contents, idempotency, repository, transitions
from waybill.files.contents import HolderGoneError
from waybill.files.idempotency import IdempotencyKey
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.transitions import ContentTakenError
from waybill.files.usage.quota import OverQuotaError
from waybill.indexes import DOCUMENTS
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import connection, errors
from waybill.platform.mongo.expressions import DUE, NOW, InSeconds

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def _database(service: Service) -> AsyncIterator[None]:
    settings = service.settings
    # A database of its own: no worker sweeps here.
    async with connection.open_database(settings.mongodb_url.get_secret_value(), "documents", DOCUMENTS):
        await indexes.create_indexes()
        yield


def draft(owner: str, **fields: Any) -> File:
    return File(
        **{
            "id": repository.new_id(),
            "owner": owner,
            "name": "a",
            "size": 1,
            "content_type": "a/b",
            "object_key": secrets.token_hex(8),
            "created_at": datetime.now(UTC),
            "upload_expires_at": datetime.now(UTC) + DAY,
        }
        | fields
    )


async def inserted(owner: str, **fields: Any) -> File:
    file = draft(owner, **fields)
    await repository.insert(file)
    return await repository.find(file.file_id)


async def test_a_transition_happens_once(owner: str) -> None:
    file = await inserted(owner)
    moves = await asyncio.gather(*(transitions.transition(file, Status.PROCESSING) for _ in range(20)))
    assert sum(move is not None for move in moves) == 1


async def test_no_arrow_no_transition(owner: str) -> None:
    file = await inserted(owner)
    assert await transitions.transition(file, Status.COMPLETED) is None
    assert (await repository.find(file.file_id)).status is Status.PENDING


async def test_a_stale_attempt_writes_nothing(owner: str) -> None:
    file = await inserted(owner, status=Status.PROCESSING, attempt="newer")
    assert await transitions.transition(file, Status.FAILED, held_by="older") is None
    assert await transitions.transition(file, Status.FAILED, held_by="newer", attempt=None) is not None


async def test_a_deleted_file_does_not_move(owner: str) -> None:
    file = await inserted(owner)
    await transitions.change(file, {}, deleted_at=NOW)
    assert await transitions.transition(file, Status.PROCESSING) is None


async def test_a_second_completed_file_of_one_content_is_refused(owner: str) -> None:
    await inserted(owner, status=Status.COMPLETED, sha256="content")
    second = await inserted(owner, status=Status.PROCESSING)
    with pytest.raises(ContentTakenError):
        await transitions.transition(second, Status.COMPLETED, sha256="content")


async def test_nothing_becomes_a_duplicate_of_a_deleted_file(owner: str) -> None:
    winner = await inserted(owner, status=Status.COMPLETED, sha256="content")
    second = await inserted(owner, status=Status.PROCESSING)
    await transitions.change(winner, {}, deleted_at=NOW)
    with pytest.raises(HolderGoneError):
        await contents.become_duplicate(second, winner, "mine")
    assert (await repository.find(second.file_id)).status is Status.PROCESSING


async def test_many_become_duplicates_of_one_at_once(owner: str) -> None:
    winner = await inserted(owner, status=Status.COMPLETED, sha256="content")
    files = [await inserted(owner, status=Status.PROCESSING, attempt="mine") for _ in range(20)]
    moved = await asyncio.gather(*(contents.become_duplicate(file, winner, "mine") for file in files))
    assert {file.duplicate_of for file in moved if file is not None} == {winner.id}
    assert None not in moved


async def test_a_change_of_one_file_names_its_owner(owner: str) -> None:
    """Sharded by owner, MongoDB 6 refuses one that does not, and later ones ask every shard."""
    winner = await inserted(owner, status=Status.COMPLETED, sha256="content")
    charged = draft(owner, status=Status.PROCESSING)
    await repository.insert(charged, 100)
    database = File.get_motor_collection().database
    await database.command("profile", 2, filter={"ns": "documents.files"})
    try:
        await transitions.change(charged, {}, attempt="mine")
        await contents.become_duplicate(charged, winner, "mine")
        await transitions.change(winner, {}, deleted_at=NOW)
        await transitions.restore(winner, 100)
    finally:
        await database.command("profile", 0, filter="unset")
    seen = await database["system.profile"].find({"ns": "documents.files"}).to_list(None)
    commands = [each["command"] for each in seen]
    single = [each["query"] for each in commands if "findAndModify" in each]
    single += [each["q"] for each in commands if not each.get("multi", True)]
    assert len(single) >= 6
    assert all(query["owner"] == owner for query in single)


async def test_nothing_is_due_without_a_due_date(owner: str) -> None:
    file = await inserted(owner, status=Status.COMPLETED, sha256=secrets.token_hex(8))
    assert await transitions.change(file, DUE, due_at=InSeconds(30)) is None


async def test_values_are_values_whatever_they_look_like(owner: str) -> None:
    file = await inserted(owner, name="$owner")
    changed = await transitions.change(file, {}, etag="$name", sha256="$$ROOT")
    assert changed is not None
    assert (changed.name, changed.etag, changed.sha256) == ("$owner", "$name", "$$ROOT")


async def test_times_are_the_databases(owner: str) -> None:
    file = await inserted(owner)
    before = await connection.database_time()
    changed = await transitions.change(file, {}, due_at=InSeconds(60))
    assert changed is not None
    assert changed.due_at is not None
    assert before + timedelta(seconds=60) <= changed.due_at
    assert changed.due_at <= await connection.database_time() + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("index", "query", "sort"),
    [
        ("newest", {"owner": "o", "deleted_at": None}, [("created_at", -1), ("_id", -1)]),
        (
            "newest_by_status",
            {"owner": "o", "deleted_at": None, "status": {"$in": ["EXPIRED", "FAILED"]}},
            [("created_at", -1), ("_id", -1)],
        ),
        ("expiring", {"expire_at": {"$lte": datetime.now(UTC)}}, [("expire_at", 1)]),
        (
            "purging",
            {"due_at": {"$lte": datetime.now(UTC)}, "purge_at": {"$exists": True}},
            [("due_at", 1)],
        ),
    ],
)
async def test_queries_read_what_they_answer_and_no_more(
    owner: str, index: str, query: dict[str, Any], sort: list[tuple[str, int]]
) -> None:
    for number in range(60):
        past = datetime.now(UTC) - DAY
        await inserted(
            "o" if number % 2 else owner,
            status=Status.COMPLETED if number % 3 else Status.FAILED,
            sha256=secrets.token_hex(8),
            purge_at=past,
            due_at=past if number % 4 else datetime.now(UTC) + DAY,
            expire_at=past if number % 4 else datetime.now(UTC) + DAY,
        )
    explained = await File.get_motor_collection().find(query).sort(sort).limit(10).explain()
    plan = str(explained["queryPlanner"]["winningPlan"])
    assert f"'indexName': '{index}'" in plan, plan
    assert "'stage': 'SORT'" not in plan, plan
    assert explained["executionStats"]["totalDocsExamined"] <= 10


@pytest.mark.parametrize(
    "error",
    [
        ServerSelectionTimeoutError("no server"),
        AutoReconnect("gone"),
        NetworkTimeout("no answer"),
        WaitQueueTimeoutError("all connections are in use"),
        ExecutionTimeout("operation exceeded time limit", 50),
        WTimeoutError("operation exceeded time limit", 50, {"code": 50, "codeName": "MaxTimeMSExpired"}),
        OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_each_of_the_drivers_outages_is_ours(error: PyMongoError) -> None:
    with pytest.raises(ServiceUnavailable), errors.map_driver_errors():
        raise error


@pytest.mark.parametrize("defect", [OperationFailure("bad query", 2), DuplicateKeyError("twice", 11000)])
def test_what_is_no_outage_stays_what_it_is(defect: PyMongoError) -> None:
    with pytest.raises(type(defect)), errors.map_driver_errors():
        raise defect


async def test_files_from_before_a_quota_count_too(owner: str) -> None:
    before = [await inserted(owner, size=10) for _ in range(3)]
    await transitions.change(before[0], {}, deleted_at=NOW)
    with pytest.raises(OverQuotaError) as caught:
        await repository.insert(draft(owner, size=81), 100)
    assert caught.value.charged == 20
    await repository.insert(draft(owner, size=80), 100)
    # Read before it was marked, and released all the same.
    assert before[1].charged is None
    await transitions.change(before[1], {}, deleted_at=NOW)
    await repository.insert(draft(owner, size=10), 100)
    with pytest.raises(OverQuotaError):
        await repository.insert(draft(owner, size=1), 100)


async def test_a_time_without_a_quota_is_made_good_by_init(owner: str) -> None:
    await repository.insert(draft(owner, size=50), 100)
    await repository.insert(draft(owner, size=40))
    await indexes.create_indexes()
    with pytest.raises(OverQuotaError):
        await repository.insert(draft(owner, size=11), 100)
    await repository.insert(draft(owner, size=10), 100)


async def test_an_idempotency_key_is_free_after_a_day(owner: str) -> None:
    first = await idempotency.claim(owner, "key", "one", repository.new_id())
    claimed = await idempotency.claim(owner, "key", "two", repository.new_id())
    assert (claimed.announced, claimed.file) == ("one", first.file)
    keys = IdempotencyKey.get_motor_collection()
    aged = await keys.update_one({"_id": first.id}, {"$set": {"created_at": datetime.now(UTC) - DAY}})
    assert aged.matched_count == 1
    new = repository.new_id()
    answers = await asyncio.gather(*(idempotency.claim(owner, "key", "two", new) for _ in range(5)))
    assert {(answer.announced, answer.file) for answer in answers} == {("two", new)}
