"""A server that means harm: what it says neither controls the terminal nor leads out of the folder."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.cli.client.shell import Shell

ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\u202e"
ID = "6b043f91342f2be4ee3195a4"

FILE = {
    "id": ID + ESCAPE,
    "name": f".bashrc{ESCAPE}",
    "size": 5,
    "contentType": f"text/plain{ESCAPE}",
    "folder": f"x{ESCAPE}/",
    "metadata": {ESCAPE: ESCAPE},
    "status": "COMPLETED",
    "sha256": sha256(b"hello").hexdigest(),
    "duplicateOf": None,
    "failureReason": ESCAPE,
    "createdAt": "2026-11-23T13:28:49.424Z",
    "completedAt": None,
    "deletedAt": None,
    "purgedAt": None,
}


class Hostile(ThreadingHTTPServer):
    """Answers every request of the client with what harms most."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.file: dict[str, Any] = dict(FILE)
        self.address = f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str) -> tuple[int, Any]:
        if path.endswith("/usage"):
            return 200, {"used": 1, "reserved": 0, "limit": None, "files": ESCAPE}
        if path.endswith("/download"):
            return 200, {"url": f"{self.address}/bytes"}
        if "/upload-request" in path or "refused" in path:
            return 400, {"code": f"rude{ESCAPE}", "detail": f"No.{ESCAPE}", ESCAPE: ESCAPE}
        if "/files/" in path:
            return 200, self.file
        return 200, {"items": [self.file], "nextCursor": None}


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hostile

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, answer = 200, b"hello"
        if self.path != "/bytes":
            status, document = self.server.answer(self.path)
            answer = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815  # the names that the base class looks for

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture(scope="module")
def hostile() -> Iterator[Hostile]:
    with Hostile() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def visitor(hostile: Hostile, tmp_path: Path) -> Shell:
    hostile.file = dict(FILE)
    (tmp_path / "a.txt").write_text("a")
    return Shell(tmp_path, WAYBILL_URL=hostile.address, WAYBILL_TOKEN="token")


@pytest.mark.parametrize(
    "arguments",
    [
        ["ls"],
        ["info", ID],
        ["usage"],
        ["rm", ID],
        ["rm", "refused"],
        ["restore", ID],
        ["mv", ID, "b.txt"],
        ["upload", "a.txt"],
        ["get", ID, "-o", "out/"],
        ["get", "refused"],
        ["login", "--token", "token"],
    ],
)
def test_nothing_that_it_says_controls_the_terminal(visitor: Shell, arguments: list[str]) -> None:
    for options in [], ["--json"] * (arguments[0] != "login"):
        ran = visitor.run(*arguments, *options)
        assert ran.out + ran.err
        assert re.findall(r"[^\n\x20-\x7e\xa0-\u2027\u202f-\ufffd]", ran.out + ran.err) == []


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "..", ".bashrc"])
def test_a_file_is_saved_within_the_folder_and_seen(visitor: Shell, hostile: Hostile, name: str) -> None:
    hostile.file |= {"name": name, "id": "../../.ssh/authorized_keys"}
    before = set(visitor.folder.iterdir())
    assert visitor.run("get", ID, "-o", "out/").code == 0
    assert set(visitor.folder.iterdir()) - before == {visitor.folder / "out"}
    [saved] = (visitor.folder / "out").iterdir()
    assert (saved.read_text(), saved.name in {"download", "_bashrc"}) == ("hello", True)


@pytest.mark.parametrize(
    ("folder", "saved"),
    [
        ("../../a/", ["_", "_", "a"]),
        ("/etc/", ["_", "etc"]),
        ("x/./y//", ["x", "_", "y", "_"]),
        ("x\\..\\y/", ["_"]),
        (".ssh/", ["_ssh"]),
    ],
)
def test_a_tree_is_saved_within_the_folder(
    visitor: Shell, hostile: Hostile, folder: str, saved: list[str]
) -> None:
    hostile.file |= {"id": ID, "name": "a.txt", "folder": folder}
    before = set(visitor.folder.iterdir())
    ran = visitor.run("get", "-r", "/", "-o", "out")
    assert (ran.code, set(visitor.folder.iterdir()) - before) == (0, {visitor.folder / "out"})
    assert (visitor.folder / "out").joinpath(*saved, "a.txt").read_text() == "hello"
    assert "is saved as" in ran.err
