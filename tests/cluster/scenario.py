"""A fault of the cluster while clients of several owners upload, and what must be true afterwards."""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from tests.cluster.cluster import Cluster
from tests.faults.load import Load
from tests.faults.table import LONG

OWNERS = 3

#: Seconds that a fault lasts unless it ends by itself. If long, longer than a lease and than any time limit.
LASTS_SECONDS = 20 if LONG else 3

#: Files that clients complete before and after each fault.
FILES = 24 if LONG else 6


@dataclass(frozen=True)
class Fault:
    """What befalls the cluster. ``strike`` blocks for as long as it lasts.

    ``make cluster`` tries it so many ``times``; `make test` once, if it ``is_short``. Clients try again after
    answers with the codes of ``refusals``: the fault makes them right.
    """

    strike: Callable[[Cluster], None]
    times: int = 3
    is_short: bool = False
    refusals: Collection[str] = ()


def tried(faults: Mapping[str, Fault]) -> list[str]:
    """The names of the faults that this run tries. CLUSTER=all tries each of them once, and briefly."""
    is_for_all = LONG or os.environ.get("CLUSTER") == "all"
    return [name for name, fault in faults.items() if is_for_all or fault.is_short]


async def survive(cluster: Cluster, owner: str, name: str, fault: Fault) -> None:
    """Strike under load; then nothing may be lost, stuck or answered with 500. Notes a row of the table."""
    times = fault.times if LONG else 1
    load = Load(
        cluster.service,
        *[f"{owner}-{number}" for number in range(OWNERS)],
        beside=cluster.services[1:],
        refusals=fault.refusals,
    )
    async with load.running():
        for _ in range(times):
            await load.progress(FILES)
            await asyncio.to_thread(fault.strike, cluster)
        await load.progress(FILES)
    await asyncio.to_thread(cluster.wait_until_healthy)
    await load.check(name, times)
