"""WAYBILL_REDIS_URL: one server, or the Sentinels that know which server is the primary."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis.connection import parse_url

SENTINEL_PORT = 26379

_FORMS = (
    "write it as redis://[user:password@]host:6379/0, or "
    "redis+sentinel://[user:password@]host1:26379,host2:26379/primary-name/0; rediss for TLS"
)
NO_CLUSTER = (
    "Redis Cluster is not supported, because Dramatiq's scripts use several keys at once. "
    "Use one server, or a primary with replicas and Sentinel."
)


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """The address of Redis.

    ``server`` is an address in redis-py's form. With ``sentinels``, each a host and a port, only its user,
    password, database and options count, and the Sentinels give the address of ``primary_name``.
    """

    server: str
    sentinels: tuple[tuple[str, int], ...] = ()
    primary_name: str = ""
    sentinel_username: str | None = None
    sentinel_password: str | None = None


def parse_redis_url(url: str) -> RedisUrl:
    """Parse an address of Redis.

    Raises:
        ValueError: the address is malformed, or of a Redis Cluster. The message does not contain the address.
    """
    scheme = url.partition("://")[0]
    if scheme in {"redis+cluster", "rediss+cluster"}:
        raise ValueError(NO_CLUSTER)
    try:
        parsed = _behind_sentinels(url) if scheme in {"redis+sentinel", "rediss+sentinel"} else RedisUrl(url)
        parse_url(parsed.server)  # type: ignore[no-untyped-call]
    except ValueError:
        raise ValueError(_FORMS) from None
    return parsed


def _behind_sentinels(url: str) -> RedisUrl:
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    name, _, database = parts.path.strip("/").partition("/")
    sentinels = tuple(_host_and_port(each) for each in hosts.split(","))
    if not name:
        raise ValueError("no name of a primary")
    options = dict(parse_qsl(parts.query))
    username, password = options.pop("sentinel_username", None), options.pop("sentinel_password", None)
    scheme = parts.scheme.partition("+")[0]
    server = urlunsplit((scheme, f"{login}{at}sentinel", f"/{database or 0}", urlencode(options), ""))
    return RedisUrl(server, sentinels, name, username, password)


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("no host")
    return parts.hostname, parts.port or SENTINEL_PORT
