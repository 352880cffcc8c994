"""Connections to Redis, which follow a failover. The only place that opens them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import redis
import redis.asyncio
import redis.asyncio.retry
import redis.asyncio.sentinel
import redis.sentinel
import structlog
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import MasterDownError, ReadOnlyError, RedisError, ResponseError

from waybill.platform.errors import ServiceUnavailable, SettingsError
from waybill.platform.redis.url import NO_CLUSTER, parse_redis_url

CONNECT_TIMEOUT_SECONDS = 0.5
ANSWER_TIMEOUT_SECONDS = 1.0

#: Seconds that a request may wait for Redis in total, for a connection and for the response.
REQUEST_TIMEOUT_SECONDS = 1.5

#: Seconds for which a process does not use Redis after a failure.
PAUSE_SECONDS = 1.0

#: The most connections of one ``BoundedRedis``.
MAX_CONNECTIONS = 16

T = TypeVar("T")

log = structlog.get_logger(__name__)


def open_client(url: str) -> redis.Redis:
    """Return a client for threads. It fails within two seconds and does not hang.

    Raises:
        ValueError: the address is malformed.
    """
    return redis.Redis.from_pool(_pool(url, redis, _Leaving))


def open_async_client(url: str) -> "redis.asyncio.Redis":
    """Return a client for the running event loop, otherwise like ``open_client``."""
    return redis.asyncio.Redis.from_pool(_pool(url, redis.asyncio, _AsyncLeaving))


def _pool(url: str, library: Any, leaving: type) -> Any:
    """Return a connection pool of ``redis`` or of ``redis.asyncio``: both have the same names."""
    where = parse_redis_url(url)
    timeouts = {"socket_connect_timeout": CONNECT_TIMEOUT_SECONDS, "socket_timeout": ANSWER_TIMEOUT_SECONDS}
    options = library.connection.parse_url(where.server) | timeouts
    # A pooled connection may be to a server that was restarted, so a broken one is replaced, once. A
    # timeout is not retried: a request cannot wait for a second one.
    options["retry"] = library.retry.Retry(NoBackoff(), 1, (redis.ConnectionError,))
    kind = options.pop("connection_class", library.Connection)
    if not where.sentinels:
        return library.ConnectionPool(connection_class=_mixed(leaving, kind), **options)
    of_sentinels = {
        **timeouts,
        "retry": library.retry.Retry(NoBackoff(), 0),
        "username": where.sentinel_username,
        "password": where.sentinel_password,
    }
    managed = library.sentinel.SentinelManagedConnection
    if kind is library.SSLConnection:
        managed = library.sentinel.SentinelManagedSSLConnection
        of_sentinels |= {name: value for name, value in options.items() if name.startswith("ssl_")}
        of_sentinels["ssl"] = True
    return library.sentinel.SentinelConnectionPool(
        where.primary_name,
        library.sentinel.Sentinel(where.sentinels, sentinel_kwargs=of_sentinels),
        connection_class=_mixed(leaving, managed),
        **{name: value for name, value in options.items() if name not in {"host", "port"}},
    )


def _mixed(leaving: type, kind: type) -> type:
    return type(f"Leaving{kind.__name__}", (leaving, kind), {})


def _is_no_primary(error: Exception) -> bool:
    """Return whether the error says that the server is not, or no longer, the primary."""
    # NOREPLICAS: it has lost its replicas, one of which may be the primary by now.
    return isinstance(error, ReadOnlyError | MasterDownError) or str(error).startswith("NOREPLICAS")


class _Leaving:
    """Leaves a server that is no longer the primary.

    After a failover the old primary may continue as a replica. redis-py keeps the connection to it, and every
    write is refused. After the connection is closed, the next attempt resolves the address again.
    """

    def read_response(self, *args: Any, **options: Any) -> Any:
        # With Sentinel the default of redis-py is False: after a timeout the late response would be read as
        # that of the next command.
        options.setdefault("disconnect_on_error", True)
        try:
            return super().read_response(*args, **options)  # type: ignore[misc]
        except ResponseError as error:
            if not _is_no_primary(error):
                raise
            self.disconnect()  # type: ignore[attr-defined]
            raise redis.ConnectionError(str(error)) from error


class _AsyncLeaving:
    """Like ``_Leaving``, for an event loop."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)  # type: ignore[misc]
        except ResponseError as error:
            if not _is_no_primary(error):
                raise
            await self.disconnect()  # type: ignore[attr-defined]
            raise redis.ConnectionError(str(error)) from error


class BoundedRedis:
    """Redis for an event loop, bounded in time and in connections.

    A request waits for Redis up to ``REQUEST_TIMEOUT_SECONDS``. After a failure Redis is not used for
    ``PAUSE_SECONDS``, so that only a few of many requests wait.
    """

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._ask_again_at = 0.0
        self._scripts: dict[str, AsyncScript] = {}

    @property
    def database(self) -> int:
        """The number of the database."""
        return database_of(self._client)

    async def ask(
        self, question: Callable[["redis.asyncio.Redis"], Awaitable[T]], *, at_once: bool = False
    ) -> T:
        """Run ``question`` and return its result. With ``at_once``, also during the pause after a failure.

        Raises:
            ServiceUnavailable: Redis does not answer in time, is full, or is not the primary.
        """
        if not at_once and time.monotonic() < self._ask_again_at:
            raise ServiceUnavailable("Redis")
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS), self._slots:
                answer = await question(self._client)
        except (RedisError, TimeoutError) as error:
            self._ask_again_at = time.monotonic() + PAUSE_SECONDS
            log.warning("redis unavailable", error=str(error) or "no answer in time")
            raise ServiceUnavailable("Redis") from error
        self._ask_again_at = 0.0
        return answer

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a Lua script. Its text is sent only if Redis does not have it. Raises as ``ask`` does."""
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self._client.register_script(script)
        return await self.ask(lambda client: known(keys, arguments, client))


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[BoundedRedis]:
    """Open Redis for the running event loop."""
    async with open_async_client(url) as client:
        yield BoundedRedis(client)


def database_of(client: "redis.Redis | redis.asyncio.Redis") -> int:
    """Return the number of the database that a client uses."""
    return int(client.get_connection_kwargs().get("db") or 0)


def refuse_cluster(url: str) -> None:
    """Refuse to start with a node of a Redis Cluster. A Redis that does not answer is not refused.

    Raises:
        SettingsError: Redis is a node of a cluster.
    """
    try:
        with open_client(url) as client:
            found: Any = client.info("cluster")
    except RedisError:
        return
    if found.get("cluster_enabled"):
        raise SettingsError(f"WAYBILL_REDIS_URL: {NO_CLUSTER}")
