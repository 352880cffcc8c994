"""MongoDB members that die, freeze, step down or are cut off, while clients upload."""

import time

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.scenario import LASTS_SECONDS, Fault, survive, tried


def primary_is_killed(cluster: Cluster) -> None:
    old = cluster.mongo.primary()
    with cluster.mongo.killed(old):
        cluster.mongo.wait_for_new_primary(old)
    cluster.mongo.wait_until_healthy()


def primary_steps_down(cluster: Cluster) -> None:
    old = cluster.mongo.primary()
    cluster.mongo.step_down()
    cluster.mongo.wait_for_new_primary(old)


def primary_is_frozen(cluster: Cluster) -> None:
    old = cluster.mongo.primary()
    with cluster.mongo.frozen(old):
        cluster.mongo.wait_for_new_primary(old)
        time.sleep(LASTS_SECONDS)
    cluster.mongo.wait_until_healthy()


def majority_is_frozen(cluster: Cluster) -> None:
    with cluster.mongo.frozen(*cluster.mongo.secondaries()):
        time.sleep(LASTS_SECONDS)
    cluster.mongo.wait_until_healthy()


def majority_is_killed(cluster: Cluster) -> None:
    with cluster.mongo.killed(*cluster.mongo.secondaries()):
        time.sleep(LASTS_SECONDS)
    cluster.mongo.wait_until_healthy()


def primary_is_isolated(cluster: Cluster) -> None:
    old = cluster.mongo.primary()
    with cluster.mongo.isolated(old):
        cluster.mongo.wait_for_new_primary(old)
        time.sleep(LASTS_SECONDS)
    cluster.mongo.wait_until_healthy()


def majority_is_killed_then_the_primary(cluster: Cluster) -> None:
    mongo = cluster.mongo
    old, followers = mongo.primary(), mongo.secondaries()
    mongo.kill(*followers)
    # Clients call again meanwhile, and the old primary has what no other member has.
    time.sleep(1)
    with mongo.killed(old):
        mongo.start(*followers)
        mongo.wait_for_new_primary(old)
    mongo.wait_until_healthy()


FAULTS = {
    "MongoDB: primary killed": Fault(primary_is_killed, times=5),
    "MongoDB: primary steps down": Fault(primary_steps_down, times=5),
    "MongoDB: primary frozen": Fault(primary_is_frozen),
    "MongoDB: majority frozen": Fault(majority_is_frozen),
    "MongoDB: majority killed": Fault(majority_is_killed),
    "MongoDB: majority killed, then the primary": Fault(
        majority_is_killed_then_the_primary, times=5, is_short=True
    ),
    "MongoDB: old primary isolated": Fault(primary_is_isolated),
}


@pytest.mark.parametrize("name", tried(FAULTS))
async def test_a_fault_of_mongodb_under_load_loses_nothing(cluster: Cluster, owner: str, name: str) -> None:
    await survive(cluster, owner, name, FAULTS[name])
