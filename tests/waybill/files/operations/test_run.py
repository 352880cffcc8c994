"""Operations whose jobs die, meet others, come late or are lost."""

import asyncio
import itertools
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from tests.waybill.conftest import insert_file, insert_files, new_file
from tests.waybill.kills import KilledError, killed_at
from waybill.files import update
from waybill.files.delete import delete_file
from waybill.files.lifecycle import Status
from waybill.files.model import File
from waybill.files.operations import folder_files, repository, run
from waybill.files.operations.folder_files import read_files
from waybill.files.operations.model import Operation, OperationFailure, OperationStatus
from waybill.files.operations.run import run_operation
from waybill.files.operations.send import reconcile_operations, send_next
from waybill.files.operations.service import (
    FolderDeletion,
    FolderMove,
    delete_folder,
    get_operation,
    move_folder,
)
from waybill.files.restore import restore_file
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.principal import Principal
from waybill.platform.redis.messages import QUEUES, RUN_OPERATION
from waybill.resources import Resources

#: Up by one: a file that were moved twice would come out at another place.
MOVE = FolderMove.model_validate({"from": "x/y/", "to": "x/"})
DELETION = FolderDeletion(folder="x/y/")
FOLDERS = ("x/y/", "x/y/y/", "x/y/y/y/")
MOVED = ("x/", "x/y/", "x/y/y/")


@pytest.fixture
def principal() -> Principal:
    return Principal(f"owner-{uuid.uuid4()}")


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "STEP_FILES", 3)
    monkeypatch.setattr(run, "COUNT_KEYS", 4)


async def make_files(principal: Principal, number: int) -> None:
    """So many files in each of the folders, all of one content but for the first of each."""
    for place, folder in enumerate(FOLDERS):
        for each in range(number):
            fields: dict[str, Any] = {"status": Status.COMPLETED, "sha256": f"{place}{each}", "charged": True}
            if each and place:
                fields |= {"status": Status.DUPLICATE, "sha256": "00"}
            elif not place and not each:
                fields |= {"duplicated_at": datetime.now(UTC)}
            await insert_file(principal.owner, folder=folder, **fields)


async def accept(
    resources: Resources, principal: Principal, wanted: FolderMove | FolderDeletion
) -> Operation:
    if isinstance(wanted, FolderMove):
        return await move_folder(resources, principal, wanted)
    return await delete_folder(resources, principal, wanted)


async def job(resources: Resources, principal: Principal, operation: Operation) -> Operation:
    """Run one job as the message of the operation would have it; the operation after it."""
    found = await get_operation(principal, operation.operation_id)
    await run_operation(resources, found.operation_id, str(found.attempt))
    return await get_operation(principal, operation.operation_id)


async def finish(resources: Resources, principal: Principal, operation: Operation) -> Operation:
    while operation.finished_at is None:
        operation = await job(resources, principal, operation)
    return operation


async def check(principal: Principal, wanted: FolderMove | FolderDeletion, number: int) -> None:
    """Check that each file was moved or deleted once, and that contents are whole."""
    found = await _files().find({"owner": principal.owner}).to_list(None)
    living = Counter(file["folder"] for file in found if "deleted_at" not in file)
    assert living == ({} if isinstance(wanted, FolderDeletion) else dict.fromkeys(MOVED, number))
    assert len({file["object_key"] for file in found}) == len(found) == 3 * number


async def operations_due() -> None:
    await Operation.get_motor_collection().update_many(
        {"due_at": {"$exists": True}}, {"$set": {"due_at": datetime.now(UTC) - timedelta(hours=1)}}
    )


def sent(broker: RedisBroker) -> list[str]:
    """The ids of the operations whose messages wait, in their order."""
    client: Any = broker.client
    queue = f"dramatiq:{QUEUES[RUN_OPERATION]}"
    messages = [client.hget(f"{queue}.msgs", each) for each in client.lrange(queue, 0, -1)]
    return [Message.decode(message).args[0] for message in messages]


def _files() -> Any:
    return File.get_motor_collection()


@pytest.mark.parametrize("wanted", [MOVE, DELETION], ids=["move", "delete"])
async def test_a_kill_at_any_write_loses_nothing_and_repeats_nothing(
    resources: Resources, monkeypatch: pytest.MonkeyPatch, wanted: FolderMove | FolderDeletion
) -> None:
    for moment in itertools.count():
        principal = Principal(f"owner-{uuid.uuid4()}")
        await make_files(principal, 2)
        operation = await accept(resources, principal, wanted)
        try:
            with monkeypatch.context() as patch:
                killed_at(patch, moment)
                operation = await job(resources, principal, operation)
        except KilledError:
            operation = await finish(
                resources, principal, await get_operation(principal, operation.operation_id)
            )
            is_over = False
        else:
            is_over = True
        assert (operation.status, operation.done, operation.total) == (OperationStatus.DONE, 6, 6)
        await check(principal, wanted, 2)
        if is_over:
            assert moment >= 12
            return


@pytest.mark.parametrize("wanted", [MOVE, DELETION], ids=["move", "delete"])
async def test_jobs_that_take_an_operation_from_each_other_change_each_file_once(
    resources: Resources, principal: Principal, wanted: FolderMove | FolderDeletion
) -> None:
    await make_files(principal, 7)
    operation = await accept(resources, principal, wanted)
    ended = await asyncio.gather(*(finish(resources, principal, operation) for _ in range(4)))
    assert {(each.status, each.done, each.total) for each in ended} == {(OperationStatus.DONE, 21, 21)}
    await check(principal, wanted, 7)


async def test_a_job_that_was_overtaken_writes_nothing(
    resources: Resources, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_files(principal, 2)
    operation = await accept(resources, principal, MOVE)
    ended = list[Operation]()

    async def read_and_be_late(of: Operation, limit: int) -> Any:
        files = await read_files(of, limit)
        monkeypatch.setattr(run, "read_files", read_files)
        ended.append(await finish(resources, principal, operation))
        return files

    monkeypatch.setattr(run, "read_files", read_and_be_late)
    assert [await job(resources, principal, operation)] == ended
    assert ended[0].done == 6


async def test_a_late_message_does_nothing(resources: Resources, principal: Principal) -> None:
    await make_files(principal, 2)
    operation = await accept(resources, principal, MOVE)
    await finish(resources, principal, operation)
    done = await get_operation(principal, operation.operation_id)
    for attempt in (str(operation.attempt), "None"):
        await run_operation(resources, operation.operation_id, attempt)
    assert await get_operation(principal, operation.operation_id) == done


async def test_what_an_emptied_redis_has_lost_is_sent_again_one_for_each_owner(
    resources: Resources, broker: RedisBroker, principal: Principal
) -> None:
    first = await accept(resources, principal, MOVE)
    second = await accept(resources, principal, DELETION)
    other = await accept(resources, Principal("another"), MOVE)
    assert sent(broker) == [first.operation_id, other.operation_id]
    broker.client.flushdb()
    assert await reconcile_operations(resources) == 0
    await operations_due()
    assert await reconcile_operations(resources) == 2
    assert sorted(sent(broker)) == sorted([first.operation_id, other.operation_id])
    # A message that was not lost is as good as the new one.
    await finish(resources, principal, first)
    assert sent(broker)[-1] == second.operation_id


async def test_a_job_ends_after_a_while_and_the_next_waits_behind_other_owners(
    resources: Resources, broker: RedisBroker, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MAX_JOB_SECONDS", 0)
    await make_files(principal, 2)
    first = await accept(resources, principal, MOVE)
    other = await accept(resources, Principal("another"), MOVE)
    assert (await job(resources, principal, first)).status is OperationStatus.RUNNING
    assert sent(broker) == [first.operation_id, other.operation_id, first.operation_id]


async def test_a_job_that_an_outage_ends_is_due_at_once(
    resources: Resources, broker: RedisBroker, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_files(principal, 1)
    operation = await accept(resources, principal, MOVE)

    async def fail(*_: Any) -> Any:
        raise ServiceUnavailable("MongoDB")

    with monkeypatch.context() as patch:
        patch.setattr(run, "read_files", fail)
        with pytest.raises(ServiceUnavailable):
            await job(resources, principal, operation)
    broker.client.flushdb()
    assert await send_next(resources, principal.owner)
    assert (await finish(resources, principal, operation)).done == 3


@pytest.mark.parametrize("wanted", [MOVE, DELETION], ids=["move", "delete"])
async def test_a_planned_file_that_leaves_or_comes_back_stays_where_it_is(
    resources: Resources,
    principal: Principal,
    monkeypatch: pytest.MonkeyPatch,
    wanted: FolderMove | FolderDeletion,
) -> None:
    monkeypatch.setattr(run, "MAX_JOB_SECONDS", 0)
    resources = _with_trash(resources)
    files = [await insert_file(principal.owner, folder="x/y/", name=str(number)) for number in range(3)]
    operation = await accept(resources, principal, wanted)
    for _ in range(2):  # counts, plans
        operation = await job(resources, principal, operation)
    assert (operation.total, len(operation.plan)) == (3, 3)
    left, restored, _ = files
    changes = update.FileChanges.model_validate({"folder": "z/"})
    await update.update_file(resources.settings, principal, left.file_id, changes)
    await delete_file(resources, principal, restored.file_id)
    await restore_file(resources, principal, restored.file_id)
    operation = await finish(resources, principal, operation)
    assert (operation.status, operation.done, operation.total) == (OperationStatus.DONE, 1, 1)
    found = await _files().find({"owner": principal.owner, "deleted_at": None}).to_list(None)
    folders = {file["name"]: file["folder"] for file in found}
    assert folders == {"0": "z/", "1": "x/y/"} | ({"2": "x/"} if isinstance(wanted, FolderMove) else {})


async def test_a_step_reads_as_many_files_as_it_takes(resources: Resources, principal: Principal) -> None:
    await insert_files(
        new_file(principal.owner, folder=folder, name=str(number))
        for folder in ("x/", *FOLDERS, "x/z/")
        for number in range(50)
    )
    operation = await accept(resources, principal, MOVE)
    seen = 0
    while True:
        query = folder_files.files_query(operation, ("folder", "created_at", "_id")).limit(20)
        stats = (await query.clone().explain())["executionStats"]
        assert (stats["totalDocsExamined"], stats["totalKeysExamined"] <= 21) == (0, True)
        found = await query.to_list(20)
        if not found:
            break
        seen += len(found)
        after = folder_files.position_of(found[-1])
        [written] = [await repository.change(operation.id, {}, after=after)]
        assert written is not None
        operation = written
    assert seen == 150


def _with_trash(resources: Resources) -> Resources:
    return replace(resources, settings=resources.settings.model_copy(update={"purge_delay": 3600}))


async def test_an_operation_that_a_defect_ends_again_and_again_fails(
    resources: Resources, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_files(principal, 2)
    broken = await accept(resources, principal, MOVE)
    after = await accept(resources, principal, FolderDeletion(folder="x/y/y/y/"))

    async def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(run, "move_planned", fail)
        for failures in range(run.MAX_FAILURES):
            found = await get_operation(principal, broken.operation_id)
            assert (found.failures, found.finished_at) == (failures, None)
            with pytest.raises(ZeroDivisionError):
                await run_operation(resources, broken.operation_id, str(found.attempt))
    found = await get_operation(principal, broken.operation_id)
    assert (found.status, found.failure_reason) == (OperationStatus.FAILED, OperationFailure.INTERNAL)
    assert found.due_at is None
    # It blocks no other.
    await finish(resources, principal, after)
