"""Workers that die anywhere between the change of a file and the receipt of its message."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from stack.stack import Stack
from tests.faults.table import LONG, ROWS, Row
from tests.parity.apis import RestApi
from tests.parity.hooks import RestHooks
from tests.receiver import running_receiver
from tests.service import Service, running_service
from tests.waiting import until
from tests.webhooks import database, pass_time

KILLS = 20 if LONG else 3

#: Files that are requested and deleted before each kill: two events each, as a purge follows.
FILES = 25


@pytest.fixture
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill of this test's own, for its worker does not live long."""
    with running_service(stack) as running:
        yield running


async def test_a_worker_killed_at_any_moment_loses_and_doubles_no_event(service: Service, owner: str) -> None:
    random.seed(owner)
    deleted: list[str] = []
    caught = 0
    async with service.client(owner) as client, running_receiver() as receiver:
        api = RestApi(client)
        hooks = RestHooks(api)
        webhook_id = (await hooks.create(receiver.url)).data["webhook"]["id"]

        async def all_delivered() -> bool:
            # Each event once: a message may come twice.
            delivered = Counter(
                kind for kind, _ in {(each.type, each.content["data"]["id"]) for each in receiver.messages}
            )
            if min(delivered["file.deleted"], delivered["file.purged"]) < len(deleted):
                return False
            unsettled = await hooks.deliveries(webhook_id, status=["PENDING", "FAILED"])
            return not unsettled.data["items"]

        for _ in range(KILLS):
            results = (await api.request_many([{"name": "a", "size": 1}] * FILES)).data["results"]
            ids = [result["file"]["id"] for result in results]
            deleted += ids
            await asyncio.gather(*(api.delete_many([file_id]) for file_id in ids))
            # Anywhere between the first change and the last receipt.
            await asyncio.sleep(random.random() * 0.5)
            service.worker.kill()
            caught += not await all_delivered()
            if not LONG:
                # What the dead held is free again: else a run would wait for its leases.
                await pass_time(service)
            service.worker.restart()
            await until(all_delivered, "all events are delivered", 120)
        assert caught, "no kill came before the last receipt"
        # A message may come twice, and then under the id that it had.
        messages: dict[Any, set[str]] = defaultdict(set)
        for message in receiver.messages:
            messages[message.content["data"]["id"], message.type].add(message.id)
        expected = {(file_id, kind) for file_id in deleted for kind in ("file.deleted", "file.purged")}
        assert set(messages) == expected
        assert {len(ids) for ids in messages.values()} == {1}
        async with database(service) as collections:
            assert await collections["webhook_deliveries"].count_documents({}) == len(expected)
    ROWS.append(Row("worker killed between a change and its webhook", KILLS, len(deleted), 0))
