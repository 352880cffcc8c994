"""What single servers must do that the stack as a whole does not show."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from stack import ports
from stack.folder import Folder, Secrets
from stack.locks import ServersLock
from stack.mongod import Mongod
from stack.process import Child
from stack.servers import SeaweedFS, Valkey
from stack.stack import Stack

SECRETS = Secrets.make()
PORTS = ports.choose(Valkey.port_names, {})


def connected() -> redis.Redis:
    """A client of the server that `valkey` starts."""
    return redis.Redis(port=PORTS["valkey"], password=SECRETS.redis_password)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Child]:
    server = Valkey(tmp_path, SECRETS)
    lock = ServersLock(tmp_path / "servers.lock")
    child = Child("valkey", tmp_path / "valkey.log", lock.descriptor, lambda: server.is_ready(PORTS))
    child.start(server.command(PORTS))
    child.wait_until_ready()
    yield child
    child.stop()
    lock.release()


def test_a_queue_cut_by_a_crash_loses_its_torn_end_only(valkey: Child, tmp_path: Path) -> None:
    with connected() as client:
        client.set("cargo", "tea")
    valkey.kill()
    (append_only,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    with append_only.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$5\r\ncargo\r\n$9\r\nhalf a wo")
    valkey.restart()
    with connected() as client:
        assert client.get("cargo") == b"tea"


def test_the_queue_refuses_who_has_no_password(valkey: Child) -> None:
    with socket.create_connection((ports.LOOPBACK, PORTS["valkey"])) as client:
        client.sendall(b"KEYS *\r\n")
        assert client.recv(100).startswith(b"-NOAUTH")


def test_the_queue_refuses_new_messages_rather_than_forget_old_ones(valkey: Child) -> None:
    with connected() as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_valkey_of_somebody_else_is_not_taken_for_ours(valkey: Child, tmp_path: Path) -> None:
    assert not Valkey(tmp_path, Secrets.make()).is_ready(PORTS)


def test_a_mongod_of_somebody_else_is_not_taken_for_ours(running: Stack, tmp_path: Path) -> None:
    mongod = {"mongod": running.ports["mongod"]}
    own = Folder(running.folder).read_or_make_secrets()
    assert Mongod(running.folder / "mongod", own).is_ready(mongod)
    assert not Mongod(running.folder / "mongod", SECRETS).is_ready(mongod)
    assert not Mongod(tmp_path, own).is_ready(mongod)


def test_an_object_store_of_somebody_else_is_not_taken_for_ours(running: Stack, tmp_path: Path) -> None:
    s3 = {"s3": running.ports["s3"]}
    assert not SeaweedFS(tmp_path, Secrets.make()).is_ready(s3)


def test_the_sockets_of_another_stack_are_left_where_they_are(running: Stack, tmp_path: Path) -> None:
    SeaweedFS(tmp_path, SECRETS).clean_up(running.ports)
    left = Path(f"/tmp/seaweedfs-volume-grpc-{running.ports['volume_grpc']}.sock")  # noqa: S108
    assert left.is_socket()
