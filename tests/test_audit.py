"""The audit of dependencies, against a list of vulnerabilities of the test's own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.service import free_port

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit.py"
VULNERABLE = "jinja2==2.10"
EXCEPTION = '[[exception]]\nid = "TEST-1"\nreason = "known"\nreview = {}\n'


class OneVulnerability(BaseHTTPRequestHandler):
    """Answers as OSV does: one version of one package is vulnerable."""

    def do_POST(self) -> None:  # the name that http.server calls
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = {"id": "TEST-1", "affected": [], "summary": "It is only a test."}
        found = f"{query['package']['name']}=={query['version']}" == VULNERABLE
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"vulns": [known]} if found else {}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def osv() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), OneVulnerability) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def audit(osv: str, folder: Path, requirement: str, exceptions: str = "") -> subprocess.CompletedProcess[str]:
    listed = folder / "exceptions.toml"
    listed.write_text(exceptions)
    command = [sys.executable, str(SCRIPT), "--osv-url", osv, "--exceptions", str(listed)]
    return subprocess.run(command, input=requirement, capture_output=True, text=True, check=False)


def test_a_known_vulnerability_fails(osv: str, tmp_path: Path) -> None:
    audited = audit(osv, tmp_path, VULNERABLE)
    assert audited.returncode == 1, audited.stderr
    assert "TEST-1" in audited.stdout


def test_what_nothing_is_known_of_passes(osv: str, tmp_path: Path) -> None:
    audited = audit(osv, tmp_path, "jinja2==3.1.6")
    assert audited.returncode == 0, audited.stderr
    assert "NOT AUDITED" not in audited.stderr


def test_an_exception_holds_until_its_review(osv: str, tmp_path: Path) -> None:
    assert audit(osv, tmp_path, VULNERABLE, EXCEPTION.format("9999-12-31")).returncode == 0
    overdue = audit(osv, tmp_path, VULNERABLE, EXCEPTION.format("2026-01-01"))
    assert overdue.returncode == 1
    assert "review TEST-1, due 2026-01-01" in overdue.stderr


def test_a_list_out_of_reach_is_no_failure_and_no_audit(tmp_path: Path) -> None:
    audited = audit(f"http://127.0.0.1:{free_port()}", tmp_path, VULNERABLE)
    assert audited.returncode == 0
    assert "NOT AUDITED" in audited.stderr


def test_a_list_that_knows_nothing_is_no_list(
    tmp_path: Path, osv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "VULNERABLE", "nothing==0")
    audited = audit(osv, tmp_path, "jinja2==3.1.6")
    assert audited.returncode == 0
    assert "NOT AUDITED" in audited.stderr
