"""`waybill up`, as a newcomer runs it."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from stack.folder import Folder
from stack.stack import Stack
from tests.forking import run_command
from tests.parity.apis import RestApi
from tests.service import Service, free_port
from tests.uploads import put, settled, stored
from tests.waiting import wait_until
from waybill.platform.redis.messages import QUEUES
from waybill.platform.tokens import make_token

WAYBILL = [sys.executable, "-m", "cli"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")}


class Up:
    """A running `waybill up` and what it printed."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [*WAYBILL, "up", "--data-dir", str(data_dir), *(options or ("--port", str(free_port())))],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
        )
        self.printed = ""

    def ready(self) -> "Up":
        """Wait for the welcome."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line
            if "Ctrl-C stops" in line:
                return self
        raise AssertionError(f"ended instead of serving: {self.printed}")

    @property
    def address(self) -> str:
        """Where the API is, as the welcome says."""
        printed = re.search(r"(http://127\.0\.0\.1:\d+)/graphql\n", self.printed)
        assert printed is not None, self.printed
        return printed.group(1)

    def rest(self) -> str:
        """All that it prints until it ends."""
        return self.process.communicate(timeout=30)[0]

    def family(self) -> list[psutil.Process]:
        """All processes below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def client(self, owner: str = "demo") -> httpx.AsyncClient:
        token = make_token(Stack.read_jwt_secret(self.data_dir), owner, lifetime=timedelta(hours=1))
        return httpx.AsyncClient(
            base_url=self.address, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )


class SaysYes(BaseHTTPRequestHandler):
    """Answers every request with 200 and an empty object."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running(data_dir: Path, *options: str) -> Iterator[Up]:
    up = Up(data_dir, *options)
    try:
        yield up.ready()
    finally:
        if up.process.poll() is None:
            up.process.terminate()
            up.rest()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Return one for the tests that do not stop it, started without a port while the first one is taken.

    A start takes eight seconds of processor time.
    """
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        except OSError:
            pass  # another process has it, which serves as well
        with running(tmp_path_factory.mktemp("up"), "--host", "127.0.0.1") as up:
            yield up


def test_the_printed_curl_line_works_as_it_stands(shared: Up) -> None:
    folder = Folder(shared.data_dir)
    for address in ("/graphql", "/api/v1/docs", "/dashboard"):
        assert f"{shared.address}{address}\n" in shared.printed
    assert folder.read_address() == shared.address
    assert folder.read_token_rules() == {"issuer": None, "audience": None, "max_lifetime": None}
    line = re.search(r"curl .*?'\n", shared.printed.replace("\\\n", " "), re.DOTALL)
    assert line is not None
    answer = subprocess.check_output(line.group(), shell=True, text=True)  # noqa: S602  # as a reader would
    assert '"status":"PENDING"' in answer


async def test_a_page_on_this_machine_may_upload_and_one_elsewhere_may_not_call_the_api(shared: Up) -> None:
    page, elsewhere = {"Origin": "http://localhost:5173"}, {"Origin": "https://evil.example"}
    async with shared.client() as client:
        body = {"name": "a", "size": 1}
        asked = await client.post("/api/v1/files/upload-request", json=body, headers=page)
        assert asked.headers["access-control-allow-origin"] == page["Origin"]
        preflight = await client.options(
            asked.json()["upload"]["url"],
            headers=page
            | {
                "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": "content-type,if-none-match",
            },
        )
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] in {"*", page["Origin"]}
        for path in ("/api/v1/files", "/graphql"):
            foreign = await client.get(path, headers=elsewhere | {"Accept": "text/html"})
            assert "access-control-allow-origin" not in foreign.headers


def test_each_queue_has_a_worker(shared: Up) -> None:
    commands = [process.cmdline() for process in shared.family()]
    queues = {queue for command in commands for option, queue in pairwise(command) if option == "--queue"}
    assert queues == set(QUEUES.values())


async def test_a_stop_leaves_no_process_and_all_data(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    with running(tmp_path) as up:
        async with up.client() as client:
            uploaded = await stored(RestApi(client), content)
        stop(up, signal.SIGINT)
    with running(tmp_path) as up:
        async with up.client() as client:
            api = RestApi(client)
            assert (await api.get(uploaded["id"])).data == uploaded
            link = (await api.download(uploaded["id"])).data
            assert (await client.get(link["url"], headers={"Authorization": ""})).content == content
        stop(up, signal.SIGTERM)


def stop(up: Up, stop_signal: signal.Signals) -> None:
    """Stop it by a signal, and check that none of its processes is left."""
    family = up.family()
    assert len(family) >= 7  # three servers, the API, three workers
    up.process.send_signal(stop_signal)
    up.rest()
    assert up.process.returncode == 0
    assert not psutil.wait_procs(family, timeout=0)[1]


async def test_kill_9_breaks_no_data_and_a_file_in_process_ends_completed(tmp_path: Path) -> None:
    content = os.urandom(50 * 1024 * 1024)
    with running(tmp_path) as up:
        async with up.client() as client:
            api = RestApi(client)
            uploaded = await stored(api, b"stored")
            requested = await api.request(name="big", size=len(content))
            assert (await put(requested.data["upload"], content)).status_code == 200
            [worker] = [one for one in up.family() if "hashing" in one.cmdline()]
            worker.suspend()  # so that the file is in PROCESSING for certain
            assert (await api.complete(requested.id)).data["status"] == "PROCESSING"
        family = up.family()
        up.process.kill()
        worker.resume()
        up.rest()
        assert not psutil.wait_procs(family, timeout=20)[1]
    with running(tmp_path) as up:
        async with up.client() as client:
            api = RestApi(client)
            assert (await api.get(uploaded["id"])).data == uploaded
            file = await settled(api, requested.id, seconds=60)
            assert file["status"] == "COMPLETED"
            assert file["sha256"] == hashlib.sha256(content).hexdigest()


def test_doctor_checks_the_stack_that_runs_in_the_folder(shared: Up, tmp_path: Path) -> None:
    (tmp_path / ".waybill").symlink_to(shared.data_dir)
    result = subprocess.run(
        [*WAYBILL, "doctor"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert result.stderr == "waybill: using the embedded stack in .waybill\n"
    assert {line[:4] for line in result.stdout.splitlines()} == {"ok  "}
    assert result.returncode == 0


def test_doctor_needs_settings_if_the_stack_of_the_folder_does_not_run(tmp_path: Path) -> None:
    Folder(tmp_path / ".waybill").make()
    Folder(tmp_path / ".waybill").write_ports({"mongod": 1})
    result = subprocess.run(
        [*WAYBILL, "doctor"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "WAYBILL_MONGODB_URL" in result.stderr


def test_a_second_up_on_the_same_folder_is_refused(shared: Up) -> None:
    second = Up(shared.data_dir)
    assert f"already in use by process {shared.process.pid}" in second.rest()
    assert second.process.returncode == 1
    assert shared.process.poll() is None


def test_a_taken_port_is_refused_by_name(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = Up(tmp_path, "--port", str(port))
        assert f"Port {port} of 127.0.0.1 is in use" in refused.rest()
        assert refused.process.returncode == 1


def test_a_port_that_another_waybill_has_is_refused_as_such(service: Service, tmp_path: Path) -> None:
    port = urlsplit(service.address).port
    refused = run_command("up", "--data-dir", str(tmp_path), "--port", str(port), env=ENVIRONMENT)
    assert refused.returncode == 1
    assert f"is in use by another Waybill: {service.address}" in refused.stderr


def test_another_program_that_takes_the_port_meanwhile_is_not_taken_for_the_api(tmp_path: Path) -> None:
    port = free_port()
    up = Up(tmp_path, "--port", str(port))
    # It looks at the port before it makes the folder, and binds it when the servers are ready.
    wait_until(Folder(tmp_path).up_lock.exists, "the folder is made")
    with HTTPServer(("127.0.0.1", port), SaysYes) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        try:
            with pytest.raises(
                AssertionError, match=r"(?i)ended instead of serving(?s:.*)address already in use"
            ):
                up.ready()
        finally:
            other.shutdown()
            up.process.terminate()
            up.rest()
    assert up.process.returncode == 1


def test_without_a_choice_a_taken_port_is_moved_away_from(shared: Up) -> None:
    port = urlsplit(shared.address).port
    assert port is not None
    assert 8000 < port < 8020


def test_a_child_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        [worker] = [one for one in up.family() if "hashing" in one.cmdline()]
        worker.kill()
        text = up.rest()
        assert "worker-1 was ended by SIGKILL" in text.splitlines()[-1]
        assert "worker-1.log" in text
        assert up.process.returncode == 1


def test_the_death_of_make_stops_what_it_started(tmp_path: Path) -> None:
    port = free_port()
    parent = subprocess.Popen(
        [
            "/bin/sh",
            "-c",
            f"'{sys.executable}' -m cli up --with-parent --data-dir '{tmp_path}' --port {port}; true",
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert parent.stdout is not None
    assert any("Ctrl-C stops" in line for line in parent.stdout)
    family = psutil.Process(parent.pid).children(recursive=True)
    parent.kill()
    parent.communicate()
    assert not psutil.wait_procs(family, timeout=20)[1]


def test_a_token_is_printed_and_nothing_else(shared: Up) -> None:
    data_dir = str(shared.data_dir)
    printed = run_command("token", "--sub", "alice", "--data-dir", data_dir, env=ENVIRONMENT)
    assert printed.returncode == 0
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", printed.stdout)


def test_a_folder_without_a_secret_is_named(tmp_path: Path) -> None:
    result = run_command("token", "--sub", "alice", "--data-dir", str(tmp_path / "none"), env=ENVIRONMENT)
    assert result.returncode == 1
    assert result.stdout == ""
    assert str(tmp_path / "none") in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["api", "worker", "init"])
def test_a_missing_setting_is_a_clear_error_at_start(command: str) -> None:
    result = run_command(command, env=ENVIRONMENT)
    assert result.returncode == 1
    assert "WAYBILL_MONGODB_URL: is not set" in result.stderr
    assert "Traceback" not in result.stderr


UNAVAILABLE = {
    "MongoDB": {"WAYBILL_MONGODB_URL": "mongodb://127.0.0.1:1"},
    "The object store": {"WAYBILL_S3_ENDPOINT_URL": "http://127.0.0.1:1"},
}


@pytest.mark.parametrize("server", UNAVAILABLE)
def test_a_server_that_is_away_is_a_clear_error_of_init(server: str, stack: Stack) -> None:
    environment = ENVIRONMENT | stack.env() | UNAVAILABLE[server]
    result = run_command("init", env=environment)
    assert result.returncode == 1
    assert f"waybill: {server} is unavailable" in result.stderr
    assert "127.0.0.1:1" in result.stderr
    assert "Traceback" not in result.stderr


UNUSABLE = {
    "WAYBILL_MONGODB_URL": "mongodb://a:b:c@127.0.0.1",
    "WAYBILL_S3_ENDPOINT_URL": "nonsense",
}


@pytest.mark.parametrize("variable", UNUSABLE)
@pytest.mark.parametrize("command", ["api", "worker", "init"])
def test_an_address_that_cannot_be_used_is_a_clear_error_at_start(
    command: str, variable: str, stack: Stack
) -> None:
    environment = ENVIRONMENT | stack.env() | {variable: UNUSABLE[variable]}
    result = run_command(command, env=environment)
    assert result.returncode == 1
    assert variable in result.stderr
    assert "Traceback" not in result.stderr
