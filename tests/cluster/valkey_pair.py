"""A Valkey primary and its replica behind one address, and the faults that befall them."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from stack.binaries import find_valkey
from stack.ports import LOOPBACK
from stack.stack import Child, Stack
from tests.cluster.background_loop import BackgroundLoop
from tests.cluster.tcp_relay import TcpRelay
from tests.service import free_port
from tests.waiting import wait_until, watch

PASSWORD = "a-password-of-the-pair"
PATIENCE_SECONDS = 60


@dataclass(frozen=True, eq=False)
class Valkey:
    """One server of the pair. Tests reach it by its own port."""

    child: Child
    port: int
    data: Path

    def client(self) -> redis.Redis:
        """A client of this server itself, without the relay. Close it."""
        return redis.Redis(host=LOOPBACK, port=self.port, password=PASSWORD, socket_timeout=5)

    def command(self, *arguments: Any) -> Any:
        """Run one command and return its answer."""
        with self.client() as client:
            return client.execute_command(*arguments)

    def role(self) -> dict[str, Any]:
        """``INFO replication``; nothing if it does not answer."""
        try:
            with self.client() as client:
                info: dict[str, Any] = client.info("replication")
                return info
        except redis.RedisError:
            return {}


class ValkeyPair:
    """Two servers, one of them the replica of the other, and an address that leads to one of them.

    Clients use ``url``. ``fail_over`` moves it to the new primary; the old one lives on as a replica, and
    connections that exist stay with it and meet READONLY. All methods block.
    """

    def __init__(self, first: Valkey, second: Valkey, relay: TcpRelay) -> None:
        self.primary, self.replica = first, second
        self.relay = relay

    @property
    def url(self) -> str:
        """The address that clients connect to."""
        return f"redis://:{PASSWORD}@{LOOPBACK}:{self.relay.port}/0"

    @property
    def servers(self) -> list[Valkey]:
        return [self.primary, self.replica]

    def fail_over(self) -> None:
        """Make the replica the primary, and the primary its replica. The address follows."""
        old, new = self.primary, self.replica
        new.command("REPLICAOF", "NO", "ONE")
        old.command("REPLICAOF", LOOPBACK, new.port)
        self.primary, self.replica = new, old
        self.relay.target = new.port

    def wait_until_healthy(self) -> None:
        """Wait until the replica follows the primary."""
        self._wait(self._is_healthy, "the replica does not follow")

    @contextmanager
    def killed(self, *, empty: bool = False) -> Iterator[None]:
        """The primary is dead meanwhile. It comes back with its data, or ``empty``."""
        primary = self.primary
        primary.child.kill()
        try:
            yield
        finally:
            if empty:
                shutil.rmtree(primary.data / "appendonlydir")
            primary.child.restart()
            self._wait(lambda: primary.role().get("role") == "master", "it does not come back")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The primary accepts connections and answers nothing meanwhile."""
        os.kill(self.primary.child.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.primary.child.pid, signal.SIGCONT)

    @contextmanager
    def full(self) -> Iterator[None]:
        """No write that needs memory succeeds meanwhile: OOM, policy noeviction."""
        with self.configured("maxmemory", "1"):
            yield

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """The primary answers READONLY to each write meanwhile: it follows a server that is not there."""
        self.primary.command("REPLICAOF", LOOPBACK, free_port())
        try:
            yield
        finally:
            self.primary.command("REPLICAOF", "NO", "ONE")

    @contextmanager
    def evicting(self, policy: str = "allkeys-lru") -> Iterator[None]:
        """The primary may forget keys meanwhile."""
        with self.configured("maxmemory-policy", policy):
            yield

    @contextmanager
    def configured(self, name: str, value: str) -> Iterator[None]:
        """A setting of the primary has another value meanwhile."""
        primary = self.primary
        with primary.client() as client:
            before = client.config_get(name)[name]
            client.config_set(name, value)
        try:
            yield
        finally:
            primary.command("CONFIG", "SET", name, before)

    def flush(self) -> None:
        """Forget everything."""
        self.primary.command("FLUSHALL")

    def _is_healthy(self) -> bool:
        replica = self.replica.role()
        return replica.get("role") == "slave" and replica.get("master_link_status") == "up"

    def _wait(self, look: Callable[[], bool], failure: str) -> None:
        wait_until(look, lambda: (failure, [server.role() for server in self.servers]), PATIENCE_SECONDS)


def _start_valkey(stack: Stack, number: int, folder: Path) -> Valkey:
    data = folder / f"valkey-{number}"
    data.mkdir()
    port = free_port()
    argv = [str(find_valkey()), "--bind", LOOPBACK, "--port", str(port), "--dir", str(data)]
    argv += ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--appendonly", "yes", "--save", ""]
    argv += ["--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0"]
    child = stack.spawn(f"{folder.name}-valkey-{number}", argv, grace=1)
    return Valkey(child, port, data)


@contextmanager
def running_valkey_pair(stack: Stack, loop: BackgroundLoop, folder: Path) -> Iterator[ValkeyPair]:
    """A healthy pair with its data in ``folder``, for as long as the context lasts."""
    watch(stack)
    first = _start_valkey(stack, 0, folder)
    second = _start_valkey(stack, 1, folder)
    relay = TcpRelay(loop, first.port)
    pair = ValkeyPair(first, second, relay)
    try:
        pair._wait(lambda: all(server.role() for server in pair.servers), "a server does not answer")
        # Not an option, because each server is restarted with the same command in any role.
        second.command("REPLICAOF", LOOPBACK, first.port)
        pair.wait_until_healthy()
        yield pair
    finally:
        for server in pair.servers:
            server.child.kill()
        relay.close()
