"""Schemathesis against a Waybill of its own, for its thousands of files would slow the others."""

import json
import os
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.stack import Stack
from tests.parity.apis import RestApi
from tests.service import Service, running_service, start_worker
from tests.uploads import stored
from waybill.platform.redis.messages import DELIVER_WEBHOOK, QUEUES

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

#: What `make test` has time for, and always the same.
BRIEFLY = ["--max-examples", "50", "--generation-deterministic"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the longer run of `make fuzz`."""
    parser.addoption("--fuzz-seconds", help="fuzz each api for so long, at random; the report names the seed")


@pytest.fixture(scope="package")
def fuzzed(stack: Stack) -> Iterator[Service]:
    """The Waybill to fuzz. It delivers no webhooks, because fuzzing may name real addresses."""
    queues = sorted({*QUEUES.values()} - {QUEUES[DELIVER_WEBHOOK]})
    with running_service(stack) as running:
        running.worker.stop()
        start_worker(running, *(option for queue in queues for option in ("--queue", queue)))
        yield running


@pytest.fixture
async def fuzz(
    fuzzed: Service, owner: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[[str, str], None]:
    """Fuzz an address of the service, as the configuration of that name says."""
    content = os.urandom(100)
    async with fuzzed.client(owner) as client:
        api = RestApi(client)
        files = [await stored(api, content) for _ in range(2)]
        cursor = (await api.list(limit=1)).data["next"]
    facts = {"TOKEN": fuzzed.token(owner), "CURSOR": cursor} | {file["status"]: file["id"] for file in files}
    owners = {"owner": owner, "stranger": f"not-{owner}"}
    (tmp_path / "owners.json").write_text(json.dumps({"auth": [_user(fuzzed, *it) for it in owners.items()]}))
    seconds = request.config.getoption("--fuzz-seconds", default=None)
    extent = BRIEFLY if seconds is None else ["--max-time", seconds]

    def run(configuration: str, path: str) -> None:
        # In a folder of its own: schemathesis reads its configuration and keeps its notes where it runs.
        template = string.Template((HERE / configuration).read_text())
        (tmp_path / "schemathesis.toml").write_text(template.substitute(facts))
        finished = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", fuzzed.address + path, "--no-color", *extent],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(finished.stdout)
        assert finished.returncode == 0, "schemathesis found something; its report is above"
        assert '"level": "error"' not in fuzzed.api.log.read_text()

    return run


def _user(service: Service, name: str, owner: str) -> dict[str, Any]:
    """A caller for schemathesis (Web Fuzzing Commons, authentication)."""
    header = {"name": "Authorization", "value": f"Bearer {service.token(owner)}"}
    return {"name": name, "fixedHeaders": [header]}
