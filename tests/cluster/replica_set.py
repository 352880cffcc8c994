"""Three MongoDB members that elect, and the faults that befall them."""

import os
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pymongo
from pymongo.errors import PyMongoError

from stack.binaries import find_mongod
from stack.ports import LOOPBACK
from stack.stack import Child, Stack
from tests.cluster.background_loop import BackgroundLoop
from tests.cluster.tcp_relay import TcpRelay
from tests.service import free_port
from tests.waiting import wait_until, watch

T = TypeVar("T")

NAME = "cluster"

#: A member that hears nothing of the primary for so long calls an election.
ELECTION_TIMEOUT_MS = 2000

#: Seconds for an election, a start or a recovery on a busy machine.
PATIENCE_SECONDS = 90


@dataclass(frozen=True, eq=False)
class Member:
    """One mongod. Members and clients reach it by its relay; tests by its own port."""

    child: Child
    port: int
    relay: TcpRelay

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.relay.port}"

    def command(self, command: Any, *, timeout_ms: int = 2000) -> Any:
        """Run a command of the database ``admin``. Raises PyMongoError if it fails or takes longer."""
        # The relay is passed by: a test reaches a member that is isolated.
        with pymongo.MongoClient[Any](
            LOOPBACK,
            self.port,
            directConnection=True,
            serverSelectionTimeoutMS=timeout_ms,
            socketTimeoutMS=timeout_ms,
        ) as client:
            return client.admin.command(command)

    def hello(self) -> dict[str, Any]:
        """What it says of its role; nothing if it does not answer."""
        try:
            hello: dict[str, Any] = self.command("hello")
            return hello
        except PyMongoError:
            return {}


class ReplicaSet:
    """A replica set of three members, with elections after two seconds.

    All methods block. Beside clients that run in the test's event loop, call them by ``asyncio.to_thread``.

        with cluster.mongo.killed(cluster.mongo.primary()):
            ...                                     # another member is elected meanwhile
        cluster.mongo.wait_until_healthy()
    """

    def __init__(self, members: list[Member]) -> None:
        self.members = members

    @property
    def url(self) -> str:
        """The address of the set. Its members' are those of their relays."""
        return f"mongodb://{','.join(member.address for member in self.members)}/?replicaSet={NAME}"

    def primary(self) -> Member:
        """The member that a majority elected. Waits until there is one."""
        return self._wait(self._find_primary, "no primary")

    def secondaries(self) -> list[Member]:
        """The two other members, in any state."""
        primary = self.primary()
        return [member for member in self.members if member is not primary]

    def kill(self, *members: Member) -> None:
        """End members by SIGKILL."""
        for member in members:
            member.child.kill()

    def start(self, *members: Member) -> None:
        """Start members that were killed. Does not wait until they take part."""
        for member in members:
            member.child.restart()

    def freeze(self, *members: Member) -> None:
        """Suspend members: their connections stay and nothing is answered."""
        for member in members:
            os.kill(member.child.pid, signal.SIGSTOP)

    def thaw(self, *members: Member) -> None:
        """Let frozen members go on."""
        for member in members:
            os.kill(member.child.pid, signal.SIGCONT)

    def step_down(self) -> None:
        """Make the primary step down; another member is elected."""
        # It answers only after a secondary has caught up, for which it waits up to five seconds.
        command = {"replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 5}
        self.primary().command(command, timeout_ms=10_000)

    def isolate(self, member: Member) -> None:
        """Cut a member off from the others. Clients still reach all three."""
        others = [other for other in self.members if other is not member]
        member.relay.silence(partial(_ports_of, others))
        for other in others:
            other.relay.silence(partial(_ports_of, [member]))

    def rejoin(self) -> None:
        """End the isolation."""
        for member in self.members:
            member.relay.heal()

    @contextmanager
    def killed(self, *members: Member) -> Iterator[None]:
        """Members are dead meanwhile."""
        self.kill(*members)
        try:
            yield
        finally:
            self.start(*members)

    @contextmanager
    def failing(self, *commands: str, **data: Any) -> Iterator[None]:
        """The primary answers commands with an error meanwhile: the ``data`` of its ``failCommand``."""
        primary = self.primary()
        point: dict[str, Any] = {"configureFailPoint": "failCommand"}
        primary.command(point | {"mode": "alwaysOn", "data": {"failCommands": commands} | data})
        try:
            yield
        finally:
            primary.command(point | {"mode": "off"})

    @contextmanager
    def frozen(self, *members: Member) -> Iterator[None]:
        """Members are suspended meanwhile."""
        self.freeze(*members)
        try:
            yield
        finally:
            self.thaw(*members)

    @contextmanager
    def isolated(self, member: Member) -> Iterator[None]:
        """A member is cut off from the others meanwhile."""
        self.isolate(member)
        try:
            yield
        finally:
            self.rejoin()

    def wait_until_healthy(self) -> None:
        """Wait until there is one primary, and two secondaries follow it."""
        self._wait(self._is_healthy, "not healthy")

    def wait_for_new_primary(self, old: Member) -> Member:
        """The primary, once it is another one than ``old``."""

        def look() -> Member | None:
            others = [member for member in self.members if member is not old]
            return next((member for member in others if member.hello().get("isWritablePrimary")), None)

        return self._wait(look, "no new primary")

    def _find_primary(self) -> Member | None:
        # An isolated primary takes itself for one until it notices: the later election wins.
        found = [
            (hello["electionId"], member)
            for member in self.members
            if (hello := member.hello()).get("isWritablePrimary")
        ]
        return max(found, key=lambda each: each[0])[1] if found else None

    def _is_healthy(self) -> bool:
        hellos = [member.hello() for member in self.members]
        primaries = {hello.get("primary") for hello in hellos}
        roles = sorted(
            "primary" if hello.get("isWritablePrimary") else "secondary" if hello.get("secondary") else "none"
            for hello in hellos
        )
        return roles == ["primary", "secondary", "secondary"] and len(primaries) == 1

    def _wait(self, look: Callable[[], T | None], failure: str) -> T:
        return wait_until(
            look, lambda: (failure, [member.hello() for member in self.members]), PATIENCE_SECONDS
        )


def _ports_of(members: list[Member], ports: Collection[int]) -> set[int]:
    """Those of the ports that members have connected from."""
    used = {
        connection.laddr.port
        for member in members
        for connection in psutil.Process(member.child.pid).net_connections("tcp4")
    }
    return used & set(ports)


def _start_member(stack: Stack, loop: BackgroundLoop, number: int, folder: Path) -> Member:
    data = folder / f"mongo-{number}"
    data.mkdir()
    port = free_port()
    argv = [str(find_mongod()), "--dbpath", str(data), "--quiet", "--bind_ip", LOOPBACK, "--port", str(port)]
    argv += ["--nounixsocket", "--replSet", NAME, "--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25"]
    argv += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
    argv += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"]
    # Fail points: errors of a test's choice.
    argv += ["--setParameter", "enableTestCommands=1"]
    # As in stack/servers.py: mongod does not start where LANG names a locale that the machine lacks.
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(data)}
    child = stack.spawn(f"{folder.name}-mongo-{number}", argv, env, grace=1)
    return Member(child, port, TcpRelay(loop, port))


@contextmanager
def running_replica_set(stack: Stack, loop: BackgroundLoop, folder: Path) -> Iterator[ReplicaSet]:
    """A healthy replica set with its data in ``folder``, for as long as the context lasts."""
    watch(stack)
    members = [_start_member(stack, loop, number, folder) for number in range(3)]
    mongo = ReplicaSet(members)
    try:
        mongo._wait(lambda: all(member.hello() for member in members), "a member does not answer")
        config = {
            "_id": NAME,
            # The first member is elected at once; later the three are equal.
            "members": [{"_id": number, "host": member.address} for number, member in enumerate(members)],
            "settings": {
                "electionTimeoutMillis": ELECTION_TIMEOUT_MS,
                "heartbeatIntervalMillis": 500,
                "heartbeatTimeoutSecs": 2,
            },
        }
        members[0].command({"replSetInitiate": config})
        mongo.wait_until_healthy()
        yield mongo
    finally:
        mongo.kill(*members)
        for member in members:
            member.relay.close()
