"""Workers that are killed while they fold the sums."""

import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId

from stack.stack import Stack
from tests.faults.records import records
from tests.faults.test_killed_sweepers import reached
from tests.service import Service, running_service
from waybill.files.usage.keep_sums import HOLDER

FILES = 8000
OWNERS = 4


@pytest.fixture
def service(own_stack: Stack) -> Iterator[Service]:
    """A Waybill of this test's own, for its worker does not live long."""
    with running_service(own_stack) as running:
        running.worker.kill()
        yield running


def completed(owner: str, size: int) -> dict[str, Any]:
    """A file of an older release."""
    now = datetime.now(UTC)
    return {
        "_id": ObjectId(),
        "owner": owner,
        "name": "a",
        "size": size,
        "content_type": "a/b",
        "object_key": f"files/{os.urandom(8).hex()}",
        "created_at": now,
        "upload_expires_at": now,
        "completed_at": now,
        "sha256": os.urandom(32).hex(),
        "status": "COMPLETED",
    }


async def test_a_worker_killed_while_it_folds_counts_nothing_twice(service: Service, owner: str) -> None:
    with records(service) as files:
        database = files.database
        # MongoDB keeps a dead client's transaction, and the locks on its files, for a minute.
        await database.client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=2)
        # A lap begins anew with the files of this test.
        await database["laps"].delete_many({})
        await files.insert_many([completed(f"{owner}-{n % OWNERS}", n) for n in range(FILES)])
        for folded in (1, FILES // 3, FILES // 2):
            await database["followers"].delete_one({"_id": HOLDER})
            service.worker.restart()
            await reached(files, {"summed": {"$exists": True}}, folded)
            service.worker.kill()
        # The last changes of the killed are a second lap's.
        await database["laps"].update_one({"_id": "files"}, {"$inc": {"asked": 1}})
        await database["followers"].delete_one({"_id": HOLDER})
        service.worker.restart()
        await reached(files, {"summed": {"$exists": True}}, FILES)
        await reached(files, {"unsummed": True}, 0)
        expected: dict[str, tuple[int, int]] = {
            f"{owner}-{n}": (FILES // OWNERS, sum(range(n, FILES, OWNERS))) for n in range(OWNERS)
        }
        for kind in ("status", "day", "type"):
            assert await stored_sums(database, kind) == expected


async def stored_sums(database: Any, kind: str) -> dict[str, tuple[int, int]]:
    """Return the stored sums of a kind, by owner."""
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    async for each in database["sums"].find({"_id.kind": kind}):
        files, size = found[each["_id"]["owner"]]
        found[each["_id"]["owner"]] = (files + each["files"], size + each["size"])
    return dict(found)
