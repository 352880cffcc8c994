"""Fail if a pinned dependency has a known vulnerability.

Read requirements from stdin, as `uv export` writes them, and run pip-audit against OSV's list. If the list
cannot be reached, print this to stderr and succeed without an audit, so that CI also runs on a machine
without access.
"""

import argparse
import json
import subprocess
import sys
import tomllib
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

EXCEPTIONS = Path(__file__).with_name("audit-exceptions.toml")
OSV = "https://api.osv.dev/v1/query"

# This version is vulnerable. If a server does not report it, the server does not have the list.
CANARY = {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "2.10"}


def main() -> int:
    """Run the audit and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--osv-url", default=OSV)
    parser.add_argument("--exceptions", type=Path, default=EXCEPTIONS)
    arguments = parser.parse_args()

    exceptions = tomllib.loads(arguments.exceptions.read_text()).get("exception", [])
    overdue = [known for known in exceptions if known["review"] < datetime.now(UTC).date()]
    for known in overdue:
        print(f"audit: review {known['id']}, due {known['review']}: {known['reason']}", file=sys.stderr)
    if overdue:
        return 1
    obstacle = obstacle_to(arguments.osv_url)
    if obstacle is not None:
        print(f"audit: NOT AUDITED. {arguments.osv_url} cannot be used: {obstacle}", file=sys.stderr)
        return 0
    return audit(arguments.osv_url, [known["id"] for known in exceptions])


def obstacle_to(url: str) -> str | None:
    """Return why the list cannot be used, or None if it reports the vulnerability of `CANARY`."""
    request = urllib.request.Request(url, json.dumps(CANARY).encode())  # noqa: S310  # ours or the caller's
    try:
        with urllib.request.urlopen(request, timeout=15) as response:  # noqa: S310
            answer: Any = json.load(response)
    except (OSError, ValueError) as error:
        return str(error)
    known = isinstance(answer, dict) and answer.get("vulns")
    return None if known else "it does not report a vulnerability that it must report"


def audit(url: str, ignored: list[str]) -> int:
    """Audit every requirement on stdin and return the exit status."""
    command = [sys.executable, "-m", "pip_audit", "--strict", "--progress-spinner", "off"]
    command += ["--vulnerability-service", "osv", "--osv-url", url]
    command += ["--requirement", "/dev/stdin", "--disable-pip", "--no-deps"]
    for known in ignored:
        command += ["--ignore-vuln", known]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
