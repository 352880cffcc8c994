"""Servers that are killed, frozen or emptied while clients upload."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import pytest

from stack.stack import Stack
from tests.actors.conftest import suspended
from tests.faults.load import Load
from tests.faults.servers import frozen, killed, killed_and_emptied
from tests.faults.table import LONG
from tests.service import Service, running_service


class Harm(Protocol):
    def __call__(self, stack: Stack, name: str) -> AbstractContextManager[None]: ...


@dataclass(frozen=True)
class Outage:
    """What happens to which server, for how many seconds, and how often."""

    harm: Harm
    server: str
    seconds: float
    times: int


# Longer than the client's timeout for the store, and than two renewals of a lease.
PAUSE = 30 if LONG else 6

OUTAGES = {
    "MongoDB killed": Outage(killed, "mongod", 1, 10 if LONG else 2),
    "MongoDB frozen": Outage(frozen, "mongod", PAUSE / 2, 5 if LONG else 1),
    "S3 killed, and away": Outage(killed, "seaweedfs", PAUSE, 3 if LONG else 1),
    "S3 frozen": Outage(frozen, "seaweedfs", PAUSE, 3 if LONG else 1),
}


@pytest.fixture(scope="module")
def service(own_stack: Stack) -> Iterator[Service]:
    """A Waybill whose servers may be harmed."""
    with running_service(own_stack) as running:
        yield running


@pytest.mark.parametrize("fault", OUTAGES)
async def test_an_outage_under_load_loses_nothing(
    own_stack: Stack, service: Service, owner: str, fault: str
) -> None:
    outage = OUTAGES[fault]

    def strike() -> None:
        with outage.harm(own_stack, outage.server):
            time.sleep(outage.seconds)

    load = Load(service, owner)
    async with load.running():
        for _ in range(outage.times):
            await load.progress()
            await asyncio.to_thread(strike)
        await load.progress()
    assert load.repeats, "no client noticed"
    await load.check(f"{fault} ({outage.seconds:g} s)", outage.times)


async def test_an_api_killed_under_load_loses_nothing(service: Service, owner: str) -> None:
    times = 20 if LONG else 4
    load = Load(service, owner, may_drop=True)
    async with load.running():
        for _ in range(times):
            await load.progress(7)
            service.api.kill()
            service.api.restart()
        await load.progress()
    assert load.repeats, "no client noticed"
    await load.check("API killed", times)


async def test_a_valkey_that_forgets_everything_loses_nothing(
    own_stack: Stack, service: Service, owner: str
) -> None:
    times = 5 if LONG else 1

    def strike() -> None:
        with killed_and_emptied(own_stack, "valkey"):
            pass

    load = Load(service, owner)
    async with load.running():
        for _ in range(times):
            # No job is taken meanwhile, so that there are some to forget.
            with suspended(service):
                await load.progress()
                await asyncio.to_thread(strike)
            await load.progress()
    await load.check("Valkey killed, and its data removed", times)
