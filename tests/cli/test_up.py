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
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from stack.folder import Folder
from stack.stack import Stack
from tests.parity.faces import RestFace
from tests.service import Service, free_port
from tests.uploads import put, settled, stored
from tests.waiting import wait_until

WAYBILL = [sys.executable, "-m", "cli"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")}


class Up:
    """A running `waybill up` and what it printed."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.process = subprocess.Popen(
            [*WAYBILL, "up", "--data-dir", str(data_dir), "--port", str(self.port), *options],
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

    def rest(self) -> str:
        """All that it prints until it ends."""
        return self.process.communicate(timeout=30)[0]

    def family(self) -> list[psutil.Process]:
        """All processes below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def client(self, owner: str = "demo") -> httpx.AsyncClient:
        token = subprocess.check_output(
            [*WAYBILL, "token", "--sub", owner, "--data-dir", str(self.data_dir)], text=True, env=ENVIRONMENT
        ).strip()
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {token}"}, timeout=30
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


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_no_process(tmp_path: Path, stop_signal: signal.Signals) -> None:
    with running(tmp_path) as up:
        family = up.family()
        assert len(family) >= 7  # three servers, the API, a worker, the sweeper, the courier
        up.process.send_signal(stop_signal)
        up.rest()
        assert up.process.returncode == 0
        assert not psutil.wait_procs(family, timeout=0)[1]


def test_the_printed_curl_line_works_as_it_stands(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        for address in ("/graphql", "/api/v1/docs", "/dashboard"):
            assert f"http://127.0.0.1:{up.port}{address}\n" in up.printed
        assert Folder(tmp_path).read_address() == f"http://127.0.0.1:{up.port}"
        assert Folder(tmp_path).read_token_rules() == {"issuer": None, "audience": None, "max_lifetime": None}
        line = re.search(r"curl .*?'\n", up.printed.replace("\\\n", " "), re.DOTALL)
        assert line is not None
        answer = subprocess.check_output(line.group(), shell=True, text=True)  # noqa: S602  # as a reader would
        assert '"status":"PENDING"' in answer


async def test_a_page_on_this_machine_may_upload_and_one_elsewhere_may_not_call_the_api(
    tmp_path: Path,
) -> None:
    page, elsewhere = {"Origin": "http://localhost:5173"}, {"Origin": "https://evil.example"}
    with running(tmp_path) as up:
        async with up.client() as client:
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


async def test_data_outlives_a_stop(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    with running(tmp_path) as up:
        async with up.client() as client:
            kept = await stored(RestFace(client), content)
    with running(tmp_path) as up:
        async with up.client() as client:
            face = RestFace(client)
            assert (await face.get(kept["id"])).data == kept
            link = (await face.download(kept["id"])).data
            assert (await client.get(link["url"], headers={"Authorization": ""})).content == content


async def test_kill_9_breaks_no_data_and_a_file_in_process_ends_completed(tmp_path: Path) -> None:
    content = os.urandom(50 * 1024 * 1024)
    with running(tmp_path) as up:
        async with up.client() as client:
            face = RestFace(client)
            kept = await stored(face, b"kept")
            requested = await face.request(name="big", size=len(content))
            assert (await put(requested.data["upload"], content)).status_code == 200
            [worker] = [one for one in up.family() if "hashing" in one.cmdline()]
            worker.suspend()  # so that the file is in PROCESSING for certain
            assert (await face.complete(requested.id)).data["status"] == "PROCESSING"
        family = up.family()
        up.process.kill()
        worker.resume()
        up.rest()
        assert not psutil.wait_procs(family, timeout=20)[1]
    with running(tmp_path) as up:
        async with up.client() as client:
            face = RestFace(client)
            assert (await face.get(kept["id"])).data == kept
            file = await settled(face, requested.id, seconds=60)
            assert file["status"] == "COMPLETED"
            assert file["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_second_up_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        second = Up(tmp_path)
        assert f"already in use by process {up.process.pid}" in second.rest()
        assert second.process.returncode == 1
        assert up.process.poll() is None


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
    refused = subprocess.run(
        [*WAYBILL, "up", "--data-dir", str(tmp_path), "--port", str(port)],
        check=False,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert refused.returncode == 1
    assert f"is in use by another Waybill: {service.address}" in refused.stderr


def test_another_program_that_takes_the_port_meanwhile_is_not_taken_for_the_api(tmp_path: Path) -> None:
    up = Up(tmp_path)
    # It looks at the port before it makes the folder, and binds it when the servers are ready.
    wait_until(Folder(tmp_path).up_lock.exists, "the folder is made")
    with HTTPServer(("127.0.0.1", up.port), SaysYes) as other:
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


def test_without_a_choice_a_taken_port_is_moved_away_from(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which serves as well
        process = subprocess.Popen(
            [*WAYBILL, "up", "--data-dir", str(tmp_path)], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
        assert process.stdout is not None
        printed = next(line for line in process.stdout if "GraphiQL" in line)
        process.terminate()
        process.communicate()
        port = int(re.search(r":(\d+)/graphql", printed).group(1))  # type: ignore[union-attr]
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


def test_a_token_is_printed_and_nothing_else(tmp_path: Path) -> None:
    with running(tmp_path):
        pass
    printed = subprocess.check_output(
        [*WAYBILL, "token", "--sub", "alice", "--data-dir", str(tmp_path)], text=True, env=ENVIRONMENT
    )
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", printed)


def test_a_folder_without_a_secret_is_named(tmp_path: Path) -> None:
    result = subprocess.run(
        [*WAYBILL, "token", "--sub", "alice", "--data-dir", str(tmp_path / "none")],
        check=False,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert str(tmp_path / "none") in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["api", "worker", "init"])
def test_a_missing_setting_is_a_clear_error_at_start(command: str) -> None:
    result = subprocess.run(
        [*WAYBILL, command], check=False, capture_output=True, text=True, env=ENVIRONMENT, timeout=30
    )
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
    result = subprocess.run(
        [*WAYBILL, "init"], check=False, capture_output=True, text=True, env=environment, timeout=60
    )
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
    result = subprocess.run(
        [*WAYBILL, command], check=False, capture_output=True, text=True, env=environment, timeout=30
    )
    assert result.returncode == 1
    assert variable in result.stderr
    assert "Traceback" not in result.stderr
