"""Workers that die in the middle of a long sweep."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from stack.stack import Stack
from tests.faults.records import records
from tests.faults.table import LONG, ROWS, Row
from tests.service import Service, running_service
from tests.waiting import until

#: How many files, half of them of each owner.
FILES = 40_000 if LONG else 8_000
SIZE = 10

#: Seconds. On a machine that is busy besides, a worker needs most of a minute to start.
STUCK_SECONDS = 300

#: Bytes of each owner's files that do not expire.
BESIDE = 7


@pytest.fixture
def service(own_stack: Stack) -> Iterator[Service]:
    """A Waybill of this test's own, for its worker does not live long."""
    with running_service(own_stack) as running:
        running.worker.kill()
        yield running


def abandoned(owner: str) -> dict[str, Any]:
    """An upload of long ago, counted by its owner's quota."""
    then = datetime.now(UTC) - timedelta(days=9)
    return {
        "_id": ObjectId(),
        "owner": owner,
        "name": "a",
        "size": SIZE,
        "content_type": "a/b",
        "object_key": f"files/{os.urandom(8).hex()}",
        "created_at": then,
        "upload_expires_at": then,
        "expire_at": then,
        "status": "PENDING",
        "charged": True,
    }


async def reached(files: Any, query: dict[str, Any], count: int) -> None:
    """Wait until so many files are as the query says. It looks all the time, for a sweep is quick."""

    async def enough() -> bool:
        found: int = await files.count_documents(query)
        return found >= count

    await until(enough, f"{count} files: {query}", STUCK_SECONDS)


async def given_back(files: Any, owner: str) -> None:
    """What expired of an owner's and what was given back are one thing, once the killed worker's last
    transaction has ended."""

    async def is_even() -> bool:
        left = await files.count_documents({"owner": owner, "status": "PENDING"})
        charged = (await files.database["owners"].find_one({"_id": owner}))["charged"]
        return bool(charged == BESIDE + left * SIZE)

    await until(is_even, "what is charged is what is left", STUCK_SECONDS)


async def test_a_sweeper_killed_at_any_step_loses_nothing(service: Service, owner: str) -> None:
    owners = [owner, f"other-{owner}"]
    with records(service) as files:
        if not LONG:
            # MongoDB keeps a dead client's transaction, and the locks on its files, for a minute.
            await files.database.client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=2)
        known = files.database["owners"]
        await known.insert_many(
            [{"_id": each, "charged": BESIDE + FILES // 2 * SIZE, "is_complete": True} for each in owners]
        )
        await files.insert_many([abandoned(owners[number % 2]) for number in range(FILES)])
        expired: dict[str, Any] = {"status": "EXPIRED"}
        purged: dict[str, Any] = {"purged_at": {"$exists": True}}
        moments = [(expired, 1), (purged, 1)] if LONG else []
        moments += [(expired, FILES // 2), (purged, FILES // 2)]
        for query, count in moments:
            service.worker.restart()
            await reached(files, query, count)
            service.worker.kill()
            for each in owners:
                await given_back(files, each)
        if not LONG:
            # Half a minute goes by: what the dead had in hand is due again.
            has_due_at = {"due_at": {"$exists": True}}
            await files.update_many(has_due_at, {"$set": {"due_at": datetime.now(UTC) - timedelta(days=1)}})
        service.worker.restart()
        await reached(files, purged, FILES)
        await reached(files, {"due_at": None}, FILES)
    ROWS.append(Row("worker killed in the middle of a sweep", len(moments), FILES, 0))
