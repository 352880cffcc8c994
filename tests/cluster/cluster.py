"""Waybill as it runs in production: two APIs and two workers on servers that fail over."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack.stack import Stack
from tests.cluster.background_loop import background_loop
from tests.cluster.replica_set import ReplicaSet, running_replica_set
from tests.cluster.store_proxy import StoreProxy, running_store_proxy
from tests.cluster.valkey_pair import ValkeyPair, running_valkey_pair
from tests.service import Service, running_service, start_beside


@dataclass(frozen=True)
class Cluster:
    """The servers and how to harm them, and the two halves of Waybill.

    ``services`` are one API and one worker each, on the same database, queues and bucket. Waybill reaches the
    store through ``store``; clients send and fetch bytes directly, so a fault of the proxy is met by Waybill
    alone. A test that ends leaves the cluster healthy: call ``wait_until_healthy`` in its end.
    """

    mongo: ReplicaSet
    valkey: ValkeyPair
    store: StoreProxy
    services: tuple[Service, Service]

    @property
    def service(self) -> Service:
        """One half, for what needs just one API."""
        return self.services[0]

    def wait_until_healthy(self) -> None:
        """End the store's faults and wait until both pairs of servers are complete. Blocks."""
        self.store.clear()
        self.mongo.wait_until_healthy()
        self.valkey.wait_until_healthy()


@contextmanager
def running_cluster(stack: Stack, folder: Path, **overrides: str) -> Iterator[Cluster]:
    """A cluster with its data in ``folder``; ``overrides`` are WAYBILL_* settings, as of ``start_service``.

    The store is the one of ``stack``.
    """
    store_url = stack.addresses.s3_endpoint_url
    with (
        background_loop() as loop,
        running_replica_set(stack, loop, folder) as mongo,
        running_valkey_pair(stack, loop, folder) as valkey,
        running_store_proxy(loop, store_url) as store,
        running_service(
            stack,
            **{
                "mongodb_url": mongo.url,
                "redis_url": valkey.url,
                "s3_endpoint_url": store.address,
                "s3_public_endpoint_url": store_url,
            }
            | overrides,
        ) as first,
    ):
        yield Cluster(mongo, valkey, store, (first, start_beside(first)))
