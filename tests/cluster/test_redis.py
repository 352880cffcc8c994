"""A Valkey that fails over, dies, refuses writes or forgets, while clients upload."""

import time

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.scenario import LASTS_SECONDS, Fault, survive, tried


def is_full(cluster: Cluster) -> None:
    with cluster.valkey.full():
        time.sleep(LASTS_SECONDS)


FAULTS = {
    "Redis: full": Fault(is_full, is_short=True),
}


@pytest.mark.parametrize("name", tried(FAULTS))
async def test_a_fault_of_redis_under_load_loses_nothing(cluster: Cluster, owner: str, name: str) -> None:
    await survive(cluster, owner, name, FAULTS[name])
