"""The stack as a whole, on the real servers."""

import json
import os
import socket
import stat
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from stack.locks import UpLock
from stack.stack import Stack, StackError
from tests.stack.conftest import Cargo, Start, left_behind

SERVERS = ("mongod", "valkey", "seaweedfs")


def can_connect(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 2).close()
    except OSError:
        return False
    return True


def test_the_first_write_after_the_start_succeeds_in_all_three_servers(cargo: Cargo) -> None:
    assert cargo.get() == ("tea", "tea", "tea")


def test_the_settings_lead_to_the_servers(running: Stack) -> None:
    env = running.env()
    assert env["WAYBILL_MONGODB_URL"] == running.addresses.mongodb_url
    assert env["WAYBILL_REDIS_URL"] == running.addresses.redis_url
    assert env["WAYBILL_S3_ENDPOINT_URL"] == running.addresses.s3_endpoint_url
    assert env["WAYBILL_S3_ACCESS_KEY"] == running.addresses.s3_access_key
    assert env["WAYBILL_S3_SECRET_KEY"] == running.addresses.s3_secret_key
    assert (env["WAYBILL_S3_BUCKET"], env["WAYBILL_S3_REGION"]) == ("waybill", "us-east-1")
    assert len(env["WAYBILL_JWT_SECRET"]) >= 32


def test_the_jwt_secret_can_be_read_beside_a_running_stack(running: Stack) -> None:
    assert Stack.read_jwt_secret(running.folder) == running.jwt_secret


def test_what_the_folder_keeps_is_for_its_owner_alone(running: Stack) -> None:
    folder = running.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    private = ["secrets.json", "ports.json", "mongod/key", "valkey/valkey.conf"]
    private += ["seaweedfs/s3.json", "seaweedfs/parts.pem"]
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in private} == {0o600}


def test_no_secret_stands_in_a_command_line(running: Stack) -> None:
    secrets = json.loads((running.folder / "secrets.json").read_text()).values()
    lines = [Path(f"/proc/{running.child(name).pid}/cmdline").read_text() for name in SERVERS]
    assert not [line for line in lines for secret in secrets if secret in line]


def test_a_request_without_the_keys_is_refused(running: Stack) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(running.addresses.s3_endpoint_url)  # noqa: S310 (its own address)
    assert refused.value.code == 403
    refused.value.close()


def test_a_second_stack_in_the_same_folder_is_refused_by_the_number_of_the_first(running: Stack) -> None:
    with pytest.raises(StackError, match=f"already in use by process {os.getpid()}:"):
        Stack(running.folder).start()


def test_a_child_that_dies_is_named_with_its_exit_code_and_the_end_of_its_log(running: Stack) -> None:
    clerk = running.spawn("clerk", [sys.executable, "-c", "print('out of ink'); raise SystemExit(3)"])
    with pytest.raises(StackError, match=r"(?s)clerk ended with exit code 3; .*out of ink"):
        running.watch()
    assert clerk.log == running.folder / "logs" / "clerk.log"


def test_a_spawned_child_is_told_where_the_servers_are(running: Stack) -> None:
    program = "import os, signal; print(os.environ['WAYBILL_REDIS_URL'], flush=True); signal.pause()"
    porter = running.spawn("porter", [sys.executable, "-c", program])
    while not porter.log_tail():
        assert porter.exit_code() is None
    assert porter.log_tail() == running.addresses.redis_url


def test_a_restart_keeps_data_secrets_and_addresses(start: Start) -> None:
    first = start()
    Cargo(first.addresses).put("tea")
    settings = first.env()
    first.stop()
    second = start()
    assert second.env() == settings
    assert Cargo(second.addresses).get() == ("tea", "tea", "tea")


def test_where_the_ports_are_taken_the_servers_move_with_their_data(
    running: Stack, start: Start, folder: Path
) -> None:
    first = start()
    Cargo(first.addresses).put("tea")
    first.stop()
    (folder / "ports.json").write_text(json.dumps(running.ports))
    second = start()
    assert not set(second.ports.values()) & set(running.ports.values())
    assert json.loads((folder / "ports.json").read_text()) == second.ports
    assert Cargo(second.addresses).get() == ("tea", "tea", "tea")


def test_stacks_that_want_the_same_ports_at_the_same_moment_all_start(start: Start, tmp_path: Path) -> None:
    ports = {"mongod": 19101, "valkey": 19102, "s3": 19103, "volume_grpc": 19104}
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / "ports.json").write_text(json.dumps(ports))
    stacks: list[Stack] = []
    threads = [threading.Thread(target=lambda path=path: stacks.append(start(path))) for path in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, stack in enumerate(stacks):
        Cargo(stack.addresses).put(f"tea {number}")
    assert [Cargo(stack.addresses).get()[2] for stack in stacks] == ["tea 0", "tea 1"]


def test_a_given_host_is_for_the_object_store_alone(start: Start) -> None:
    stack = start(host="127.0.0.2")
    assert {name for name, port in stack.ports.items() if can_connect("127.0.0.2", port)} == {"s3_public"}
    inside, outside = stack.addresses.s3_endpoint_url, stack.addresses.s3_public_endpoint_url
    assert outside == f"http://127.0.0.2:{stack.ports['s3_public']}"
    content = os.urandom(5_000_000)
    with closing(Cargo(replace(stack.addresses, s3_endpoint_url=outside)).s3()) as s3:
        s3.create_bucket(Bucket="cargo")
        s3.put_object(Bucket="cargo", Key="tea", Body=content)
        assert s3.get_object(Bucket="cargo", Key="tea")["Body"].read() == content
    assert stack.env()["WAYBILL_S3_ENDPOINT_URL"] == inside
    assert stack.env()["WAYBILL_S3_PUBLIC_ENDPOINT_URL"] == outside


def test_a_server_that_fails_is_named_and_the_others_are_stopped(start: Start, folder: Path) -> None:
    with pytest.raises(StackError, match="mongod ended with exit code 1; the end of"):
        start(mongod="false")
    assert left_behind(folder) == []


def test_a_mongod_that_is_not_there_is_named(start: Start) -> None:
    with pytest.raises(StackError, match="/no/such/mongod is not an executable file"):
        start(mongod="/no/such/mongod")


def test_a_start_that_waits_for_the_stack_before_can_be_given_up(folder: Path) -> None:
    folder.mkdir()
    before = UpLock(folder / "up.lock")
    before.mark_stopping()
    stack = Stack(folder)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(stack.start)
        stack.request_stop()
        with pytest.raises(StackError, match="stopped before it was ready"):
            waiting.result(timeout=5)
    before.release()


def test_a_stack_that_is_not_started_has_no_addresses(folder: Path) -> None:
    with pytest.raises(StackError, match="not started"):
        _ = Stack(folder).addresses


def test_a_folder_without_secrets_gives_no_jwt_secret(folder: Path) -> None:
    with pytest.raises(StackError, match="has no secrets: start the stack there once"):
        Stack.read_jwt_secret(folder)
