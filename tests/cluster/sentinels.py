"""Three sentinels that watch a Valkey pair."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from stack.binaries import find_valkey
from stack.ports import LOOPBACK
from stack.stack import Child, Stack
from tests.cluster.valkey_pair import PASSWORD, PATIENCE_SECONDS, Valkey, ValkeyPair
from tests.service import free_port
from tests.waiting import wait_until

#: What the sentinels call the pair.
NAME = "waybill"

#: A primary that is silent for so long is replaced.
DOWN_AFTER_MS = 1500


@dataclass(frozen=True)
class Sentinels:
    """Three sentinels. They need no password; the pair's is ``PASSWORD``.

    While they run, leave the roles of the pair to them: use ``fail_over`` of this class.
    """

    pair: ValkeyPair
    children: list[Child]
    ports: list[int]

    @property
    def addresses(self) -> str:
        """``host:port`` of the three, separated by commas."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self.ports)

    def fail_over(self) -> None:
        """Have the sentinels make the replica the primary. Returns when all three agree."""
        old = self.pair.primary
        self._command(0, "SENTINEL", "FAILOVER", NAME)
        self.wait_for_new_primary(old)

    def wait_for_new_primary(self, old: Valkey) -> None:
        """Wait until the three sentinels name another primary than ``old``."""
        new = next(server for server in self.pair.servers if server is not old)
        wait_until(
            lambda: {self._primary_port(number) for number in range(3)} == {new.port},
            "the sentinels agree on a new primary",
            PATIENCE_SECONDS,
        )
        self.pair.primary, self.pair.replica = new, old

    def _primary_port(self, number: int) -> int:
        _, port = self._command(number, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return int(port)

    def _command(self, number: int, *arguments: str) -> Any:
        with redis.Redis(host=LOOPBACK, port=self.ports[number], socket_timeout=5) as client:
            return client.execute_command(*arguments)

    def wait_until_healthy(self) -> None:
        """Wait until each sentinel knows the two others and the replica."""
        wait_until(
            lambda: all(self._knows_all(number) for number in range(3)),
            "the sentinels find each other",
            PATIENCE_SECONDS,
        )

    def _knows_all(self, number: int) -> bool:
        try:
            # By default they take ten seconds and more to find each other and the replica.
            self._command(number, "SENTINEL", "DEBUG", "INFO-PERIOD", "200", "PUBLISH-PERIOD", "200")
            return (
                len(self._command(number, "SENTINEL", "SENTINELS", NAME)) == 2
                and len(self._command(number, "SENTINEL", "REPLICAS", NAME)) == 1
            )
        except redis.RedisError:  # still starting
            return False


@contextmanager
def running_sentinels(stack: Stack, pair: ValkeyPair, folder: Path) -> Iterator[Sentinels]:
    """Three sentinels of a pair, for as long as the context lasts."""
    ports = [free_port() for _ in range(3)]
    children = []
    for port in ports:
        config = folder / f"sentinel-{port}.conf"
        config.write_text(
            f"bind {LOOPBACK}\nport {port}\ndir {folder}\n"
            f"sentinel monitor {NAME} {LOOPBACK} {pair.primary.port} 2\n"
            f"sentinel auth-pass {NAME} {PASSWORD}\n"
            f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {NAME} 5000\n"
        )
        argv = [str(find_valkey()), str(config), "--sentinel"]
        children.append(stack.spawn(f"{folder.name}-sentinel-{port}", argv, grace=1))
    sentinels = Sentinels(pair, children, ports)
    try:
        sentinels.wait_until_healthy()
        yield sentinels
    finally:
        for child in children:
            child.kill()
