"""A Valkey that fails over, dies, refuses writes or forgets, while clients upload."""

import time
from contextlib import ExitStack

import pytest

from tests.actors.conftest import suspended
from tests.cluster.cluster import Cluster
from tests.cluster.scenario import LASTS_SECONDS, Fault, survive, tried
from tests.forking import run_command


def is_failed_over(cluster: Cluster) -> None:
    cluster.valkey.fail_over()
    cluster.valkey.wait_until_healthy()


def is_killed(cluster: Cluster) -> None:
    with cluster.valkey.killed():
        time.sleep(LASTS_SECONDS)


def is_read_only(cluster: Cluster) -> None:
    with cluster.valkey.read_only():
        time.sleep(LASTS_SECONDS)


def is_full(cluster: Cluster) -> None:
    with cluster.valkey.full():
        time.sleep(LASTS_SECONDS)


def is_flushed(cluster: Cluster) -> None:
    with ExitStack() as idle:
        # No job is taken meanwhile, so that there are some to forget.
        for service in cluster.services:
            idle.enter_context(suspended(service))
        time.sleep(LASTS_SECONDS)
        cluster.valkey.flush()


def is_evicting(cluster: Cluster) -> None:
    # More is stored than it may hold, so it forgets something at each write.
    with cluster.valkey.evicting("allkeys-random"), cluster.valkey.full():
        time.sleep(LASTS_SECONDS)


FAULTS = {
    "Redis: failed over, old primary alive": Fault(is_failed_over, times=5, is_short=True),
    "Redis: killed": Fault(is_killed),
    "Redis: read-only": Fault(is_read_only),
    "Redis: full": Fault(is_full),
    "Redis: flushed": Fault(is_flushed),
    "Redis: evicting": Fault(is_evicting),
}


@pytest.mark.parametrize("name", tried(FAULTS))
async def test_a_fault_of_redis_under_load_loses_nothing(cluster: Cluster, owner: str, name: str) -> None:
    await survive(cluster, owner, name, FAULTS[name])


def test_doctor_refuses_a_redis_that_may_forget(cluster: Cluster) -> None:
    with cluster.valkey.evicting("allkeys-lru"):
        doctor = run_command("doctor", env=cluster.service.env)
    assert doctor.returncode != 0
    assert "maxmemory-policy" in doctor.stdout
