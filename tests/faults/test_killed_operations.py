"""Workers that die amid an operation on a folder of thousands of files."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from bson import ObjectId

from stack.stack import Stack
from tests.faults.records import records
from tests.faults.table import LONG, ROWS, Row
from tests.parity.apis import RestApi
from tests.service import Service, running_service
from tests.waiting import until
from tests.waybill.conftest import insert_batches
from waybill.resources import redis_client

#: How many files: a worker moves thousands in a second, and deletes hundreds.
FILES = {"move": 40_000, "delete": 20_000} if LONG else {"move": 8_000, "delete": 2_000}
KILLS = 10 if LONG else 2

#: Seconds. On a machine that is busy besides, a worker needs most of a minute to start.
STUCK_SECONDS = 300


@pytest.fixture
def service(own_stack: Stack) -> Iterator[Service]:
    """A Waybill of this test's own with a trash, for its worker does not live long."""
    with running_service(own_stack, purge_delay="3600") as running:
        running.worker.kill()
        yield running


def pending(owner: str, number: int) -> dict[str, Any]:
    """An upload of a minute ago, in one of some folders below ``x/y/``."""
    then = datetime.now(UTC) - timedelta(minutes=1)
    return {
        "_id": ObjectId(),
        "owner": owner,
        "name": f"{number}",
        "name_search": f"{number}",
        "folder": "x/y/" + "y/" * (number % 3),
        "size": 10,
        "content_type": "a/b",
        "object_key": f"files/{os.urandom(8).hex()}",
        "created_at": then,
        "upload_expires_at": then + timedelta(days=1),
        "status": "PENDING",
    }


async def changes_of(stream: Any, field: str) -> Counter[ObjectId]:
    """How often each file has got another value in that field, since the stream was opened."""
    changed: Counter[ObjectId] = Counter()
    while (change := await stream.try_next()) is not None:
        if field in change["updateDescription"]["updatedFields"]:
            changed[change["documentKey"]["_id"]] += 1
    return changed


@pytest.mark.parametrize("act", ["move", "delete"])
async def test_a_worker_killed_amid_an_operation_changes_each_file_once(
    service: Service, owner: str, act: str
) -> None:
    number = FILES[act]
    async with service.client(owner) as client:
        api = RestApi(client)
        with records(service) as files:
            operations = files.database["operations"]
            await insert_batches(files, [pending(owner, each) for each in range(number)])
            async with files.watch([{"$match": {"operationType": "update"}}]) as stream:
                # Up by one: what were moved twice would be somewhere else.
                accepted = await (
                    api.move_folder("x/y/", "x/") if act == "move" else api.delete_folder("x/y/")
                )

                async def reached(done: int) -> bool:
                    found = (await api.operation(accepted.id)).data
                    return bool(found["done"] >= done or found["finishedAt"] is not None)

                for kill in range(1, KILLS + 1):
                    service.worker.restart()
                    amid = partial(reached, kill * number // (KILLS + 2))
                    await until(amid, "the operation is amid its files", STUCK_SECONDS)
                    service.worker.kill()
                    assert (await api.operation(accepted.id)).data["status"] == "RUNNING"
                    # The queue is lost too.
                    with redis_client(service.settings) as queue:
                        queue.flushdb()
                    if not LONG:
                        # As if half a minute had passed.
                        past = {"$set": {"due_at": datetime(2000, 1, 1, tzinfo=UTC)}}
                        await operations.update_many({"due_at": {"$exists": True}}, past)
                service.worker.restart()
                await until(partial(reached, number + 1), "the operation ends", STUCK_SECONDS)
                changed = await changes_of(stream, "folder" if act == "move" else "deleted_at")
            operation = (await api.operation(accepted.id)).data
            assert (operation["status"], operation["done"], operation["total"]) == ("DONE", number, number)
            assert Counter(changed.values()) == {1: number}
            living = {"owner": owner, "deleted_at": None}
            if act == "move":
                for folder, place in (("x/", 0), ("x/y/", 1), ("x/y/y/", 2)):
                    count = await files.count_documents({**living, "folder": folder})
                    assert count == len(range(place, number, 3))
            else:
                assert await files.count_documents(living) == 0
    ROWS.append(Row(f"worker killed amid the {act} of a folder", KILLS, number, 0))
