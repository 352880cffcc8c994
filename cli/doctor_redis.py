"""What `waybill doctor` proves of Redis."""

from typing import Any

from redis.exceptions import OutOfMemoryError

from cli.findings import Complaint
from waybill.platform.redis.client import open_async_client
from waybill.platform.redis.messages import PROBE, PROBE_SECONDS
from waybill.platform.redis.url import NO_CLUSTER

#: The first major version whose answers and scripts we rely on. Valkey calls itself 7 or later.
OLDEST_VERSION = 7

_WRITE = "return redis.call('set', KEYS[1], '1', 'ex', ARGV[1])"


class RedisChecks:
    """What Redis is, and what it lets us do. Each check raises Complaint, or Redis's own error."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def kind(self) -> None:
        """A primary that is no part of a cluster, and not too old."""
        found = await self._info("server", "replication", "cluster")
        if found.get("cluster_enabled"):
            raise Complaint(NO_CLUSTER)
        if found["role"] != "master":
            raise Complaint(
                f"it is a replica of {found.get('master_host')}:{found.get('master_port')}, which takes no "
                "writes. Use the primary's address, or redis+sentinel:// to follow a failover."
            )
        version = str(found["redis_version"])
        if int(version.partition(".")[0]) < OLDEST_VERSION:
            raise Complaint(f"it is version {version}. Use Redis {OLDEST_VERSION} or later, or Valkey.")

    async def takes_writes(self) -> None:
        """Dramatiq's scripts write even where they fetch and acknowledge."""
        async with open_async_client(self._url) as client:
            try:
                await client.set(PROBE, "1", ex=PROBE_SECONDS)
                await client.register_script(_WRITE)([PROBE], [PROBE_SECONDS])
            except OutOfMemoryError as error:
                raise Complaint(
                    f"it is full, so no job is sent or taken ({error}). Raise its maxmemory, or remove what "
                    "is not Waybill's from it."
                ) from error

    async def forgets_nothing(self) -> None:
        """It holds a queue: what is evicted is lost until the reconciler sends it again."""
        # Of INFO, since managed services forbid CONFIG.
        policy = (await self._info("memory")).get("maxmemory_policy")
        if policy != "noeviction":
            raise Complaint(
                f"its maxmemory-policy is {policy}, so it may evict queues. Set it to noeviction: a full "
                "Redis must refuse, and not forget."
            )

    async def _info(self, *sections: str) -> dict[str, Any]:
        async with open_async_client(self._url) as client:
            found: dict[str, Any] = await client.info(*sections)
            return found
