"""The checks of `waybill doctor` on Redis."""

from typing import Any

from redis.exceptions import OutOfMemoryError

from cli.check_results import CheckFailed
from waybill.platform.redis.client import open_async_client
from waybill.platform.redis.messages import PROBE, PROBE_SECONDS
from waybill.platform.redis.url import NO_CLUSTER

#: The oldest supported major version. Valkey reports 7 or later.
OLDEST_VERSION = 7

_WRITE = "return redis.call('set', KEYS[1], '1', 'ex', ARGV[1])"


class RedisChecks:
    """The checks. Each raises CheckFailed, or Redis's own error."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def kind(self) -> None:
        """Check that Redis is a primary of a supported version, and not a cluster."""
        found = await self._info("server", "replication", "cluster")
        if found.get("cluster_enabled"):
            raise CheckFailed(NO_CLUSTER)
        if found["role"] != "master":
            raise CheckFailed(
                f"it is a replica of {found.get('master_host')}:{found.get('master_port')}, and a replica "
                "refuses writes. Use the primary's address, or redis+sentinel:// to follow a failover."
            )
        version = str(found["redis_version"])
        if int(version.partition(".")[0]) < OLDEST_VERSION:
            raise CheckFailed(
                f"version {version} is not supported. Use Redis {OLDEST_VERSION} or later, or Valkey."
            )

    async def accepts_writes(self) -> None:
        """Check writes by commands and by scripts. Dramatiq's scripts write to fetch and to acknowledge."""
        async with open_async_client(self._url) as client:
            try:
                await client.set(PROBE, "1", ex=PROBE_SECONDS)
                await client.register_script(_WRITE)([PROBE], [PROBE_SECONDS])
            except OutOfMemoryError as error:
                raise CheckFailed(
                    f"it is full, so workers cannot enqueue or fetch jobs ({error}). Raise maxmemory, or "
                    "remove keys of other applications."
                ) from error

    async def evicts_nothing(self) -> None:
        """Check the eviction policy. An evicted job is lost until the reconciler enqueues it again."""
        # From INFO, because managed services forbid CONFIG.
        policy = (await self._info("memory")).get("maxmemory_policy")
        if policy != "noeviction":
            raise CheckFailed(
                f"its maxmemory-policy is {policy}, so a full Redis may evict queues. Set maxmemory-policy "
                "to noeviction: a full Redis then refuses writes."
            )

    async def _info(self, *sections: str) -> dict[str, Any]:
        async with open_async_client(self._url) as client:
            found: dict[str, Any] = await client.info(*sections)
            return found
