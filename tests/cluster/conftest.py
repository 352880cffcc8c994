"""The cluster, once for all tests that harm its servers, and its parts alone."""

from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.cluster.background_loop import BackgroundLoop, background_loop
from tests.cluster.cluster import Cluster, running_cluster
from tests.cluster.scenario import LASTS_SECONDS
from tests.cluster.valkey_pair import ValkeyPair, running_valkey_pair


# Ends with the last of these tests, not with the session: even idle, its processes take time from others.
@pytest.fixture(scope="package")
def cluster(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two APIs and two workers on three mongods, two Valkeys and a store behind a proxy."""
    # As in production, looks at an object are spread over more time than a fault of the store lasts.
    delay = str(2 * LASTS_SECONDS)
    with running_cluster(stack, tmp_path_factory.mktemp("cluster"), verify_retry_delay=delay) as running:
        yield running


@pytest.fixture(scope="module")
def relays() -> Iterator[BackgroundLoop]:
    """The loop that relays run on, for servers of a test's own."""
    with background_loop() as running:
        yield running


@pytest.fixture
def own_valkey_pair(
    stack: Stack, relays: BackgroundLoop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ValkeyPair]:
    """A Valkey pair of a test's own; one that sentinels watch, say."""
    with running_valkey_pair(stack, relays, tmp_path_factory.mktemp("valkey")) as running:
        yield running
