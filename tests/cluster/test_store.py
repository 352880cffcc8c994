"""A store that answers wrongly, late or in part, while clients upload."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.scenario import LASTS_SECONDS, Fault, survive, tried
from tests.waiting import wait_until


def answers(method: str = "*", **what: Any) -> Callable[[Cluster], None]:
    """What half of the requests meet: were it all of them, no file would get as far as its verification."""

    def strike(cluster: Cluster) -> None:
        before = cluster.store.injected.total()
        with cluster.store.injecting(method, **{"share": 0.5, **what}):
            time.sleep(LASTS_SECONDS)
            wait_until(lambda: cluster.store.injected.total() > before, "a request that meets the fault")

    return strike


FAULTS = {
    "store: 403": Fault(answers(status=403)),
    # A complete finds nothing: that is the client's to know, and to try again.
    "store: 404": Fault(answers(status=404), is_short=True, refusals={"object_missing"}),
    "store: 429": Fault(answers(status=429)),
    "store: 500": Fault(answers(status=500)),
    "store: 503": Fault(answers(status=503)),
    "store: slow (2 s before each answer to a HEAD)": Fault(answers("HEAD", share=1.0, delay_ms=2000)),
    "store: bodies cut in half": Fault(answers("GET", cut_at=0.5)),
}


@pytest.mark.parametrize("name", tried(FAULTS))
async def test_a_fault_of_the_store_under_load_loses_nothing(cluster: Cluster, owner: str, name: str) -> None:
    await survive(cluster, owner, name, FAULTS[name])
