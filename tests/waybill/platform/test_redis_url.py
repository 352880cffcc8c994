"""Addresses of Redis: one server, or Sentinels that know it."""

import pytest

from waybill.platform.redis.url import RedisUrl, parse_redis_url


@pytest.mark.parametrize(
    "url", ["redis://queue", "rediss://user:secret@queue:6380/3", "unix:///run/redis.sock?db=2"]
)
def test_the_address_of_a_server_is_taken_as_it_is(url: str) -> None:
    assert parse_redis_url(url) == RedisUrl(url)


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        (
            "redis+sentinel://one:1,two:2,three/primary",
            RedisUrl("redis://sentinel/0", (("one", 1), ("two", 2), ("three", 26379)), "primary"),
        ),
        (
            "rediss+sentinel://user:p%40ss@one:1/primary/4?sentinel_username=a&sentinel_password=b%2Fc"
            "&ssl_ca_certs=/ca.pem",
            RedisUrl(
                "rediss://user:p%40ss@sentinel/4?ssl_ca_certs=%2Fca.pem", (("one", 1),), "primary", "a", "b/c"
            ),
        ),
        (
            "redis+sentinel://:secret@[::1]:26380/primary/0",
            RedisUrl("redis://:secret@sentinel/0", (("::1", 26380),), "primary"),
        ),
    ],
)
def test_sentinels_are_read_with_what_the_server_wants(url: str, parsed: RedisUrl) -> None:
    assert parse_redis_url(url) == parsed


@pytest.mark.parametrize(
    "url",
    [
        "queue:6379",
        "http://queue",
        "redis://queue:hunter2",
        "redis+sentinel://one:1",
        "redis+sentinel://one:hunter2/primary",
        "redis+sentinel:///primary",
        "redis+sentinel://one:1,,two:2/primary",
    ],
)
def test_another_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match=r"redis\+sentinel://") as caught:
        parse_redis_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["redis+cluster", "rediss+cluster"])
def test_a_cluster_is_refused(scheme: str) -> None:
    with pytest.raises(ValueError, match="Redis Cluster is not supported"):
        parse_redis_url(f"{scheme}://one:7000,two:7000")
