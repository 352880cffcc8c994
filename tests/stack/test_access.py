"""What the ports of the stack answer to those who have no key: web pages, and other users of the machine."""

import http.client
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest
from pymongo.errors import OperationFailure

from stack.stack import Stack
from tests.stack.conftest import Cargo, Start

SERVERS = ("mongod", "valkey", "seaweedfs")

#: What a server would do for such a request if it asked for no key.
PATHS = (
    "/",
    "/col/delete?collection=cargo",
    "/dir/status",
    "/dir/assign",
    "/vol/vacuum?garbageThreshold=0.0001",
    "/buckets/cargo/cargo",
    "/cargo/cargo",
    "/1,01637037d6",
)

#: A page may send the first three without a preflight. The fourth requires one, which can succeed.
METHODS = ("GET", "HEAD", "POST", "DELETE")

#: A page of another site, and one whose name was pointed at this machine (DNS rebinding).
HOSTS = ("127.0.0.1", "evil.example")

#: HTTP/2: the preface and an empty SETTINGS frame, which every gRPC client sends first.
GRPC_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def listening_ports(stack: Stack) -> set[int]:
    return {
        connection.laddr.port
        for name in SERVERS
        for connection in psutil.Process(stack.child(name).pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def grpc_sockets(stack: Stack) -> set[str]:
    process = psutil.Process(stack.child("seaweedfs").pid)
    return {str(each.laddr) for each in process.net_connections("unix") if "-grpc-" in each.laddr}


def ask_as_page(port: int, method: str, path: str, host: str) -> int | None:
    """The status of the answer; None if the connection is closed or what comes is not HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Host": host, "Origin": "http://evil.example", "Content-Type": "text/plain"}
    try:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    except (http.client.HTTPException, ConnectionError):
        return None
    finally:
        connection.close()


def first_bytes(connection: socket.socket, sent: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """What a server answers to the first bytes; nothing if it closes the connection."""
    try:
        if tls is not None:
            connection = tls.wrap_socket(connection)
        connection.sendall(sent)
        return connection.recv(100)
    except (ConnectionError, ssl.SSLError):
        return b""
    finally:
        connection.close()


def test_every_port_that_listens_is_a_known_one(running: Stack) -> None:
    assert listening_ports(running) == set(running.ports.values())


def test_no_request_of_a_web_page_is_accepted(running: Stack, cargo: Cargo) -> None:
    accepted = {
        (name, method, path)
        for name, port in running.ports.items()
        for method in METHODS
        for path in PATHS
        for host in HOSTS
        if (ask_as_page(port, method, path, host) or 500) < 400
    }
    # mongod answers any GET with a sentence on its own protocol.
    assert {refused for refused in accepted if refused[0] != "mongod"} == set()
    assert {method for _, method, _ in accepted} <= {"GET"}
    assert cargo.get() == ("tea", "tea", "tea")


def test_no_grpc_port_or_socket_answers_without_a_certificate(running: Stack) -> None:
    ports = [port for name, port in running.ports.items() if name.endswith("_grpc")]
    assert len(ports) == len(grpc_sockets(running)) == 4
    for port in ports:
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            assert first_bytes(plain, GRPC_HELLO) == b""
    for path in grpc_sockets(running):
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(10)
            plain.connect(path)
            assert first_bytes(plain, GRPC_HELLO) == b""


@pytest.mark.parametrize("name", ["master", "master_grpc", "volume_grpc", "filer_grpc", "s3_grpc"])
def test_a_tls_client_needs_the_certificate_of_the_stack(running: Stack, name: str) -> None:
    anyone = ssl.create_default_context()
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    anyone.set_alpn_protocols(["http/1.1" if name == "master" else "h2"])
    hello = b"GET /dir/status HTTP/1.0\r\n\r\n" if name == "master" else GRPC_HELLO
    with socket.create_connection(("127.0.0.1", running.ports[name]), 10) as plain:
        assert first_bytes(plain, hello, anyone) == b""


def test_mongodb_refuses_who_has_no_password(running: Stack, cargo: Cargo) -> None:
    with pymongo.MongoClient[Any]("127.0.0.1", running.ports["mongod"], directConnection=True) as stranger:
        for refused in (
            stranger.list_database_names,
            stranger.test.cargo.find_one,
            lambda: stranger.test.cargo.delete_many({}),
            lambda: stranger.admin.command("createUser", "me", pwd="me", roles=["root"]),
            lambda: stranger.admin.command("shutdown"),
        ):
            with pytest.raises(OperationFailure, match="requires authentication"):
                refused()
    assert cargo.get()[0] == "tea"


def test_a_folder_of_an_earlier_release_keeps_its_data_and_gets_keys(start: Start, folder: Path) -> None:
    first = start()
    Cargo(first.addresses).put("tea")
    settings = first.env()
    first.stop()
    # An earlier release made these four secrets, and neither a certificate nor a key file.
    secrets = folder / "secrets.json"
    names = ("jwt_secret", "redis_password", "s3_access_key", "s3_secret_key")
    remaining = {name: value for name, value in json.loads(secrets.read_text()).items() if name in names}
    secrets.write_text(json.dumps(remaining))
    for name in ("mongod/key", "seaweedfs/parts.pem"):
        (folder / name).unlink()
    assert Stack.read_jwt_secret(folder) == remaining["jwt_secret"]
    second = start()
    assert Cargo(second.addresses).get() == ("tea", "tea", "tea")
    assert {name for name, value in second.env().items() if value != settings[name]} == {
        *("WAYBILL_MONGODB_URL", "WAYBILL_S3_UPLOAD_ACCESS_KEY", "WAYBILL_S3_UPLOAD_SECRET_KEY")
    }
