"""The embedded stack, once for all tests, and a Waybill on it."""

import gc
import os
import shutil
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from api.pages.assets import NODE_MODULES
from api.pages.build import DIST
from stack.stack import Stack
from tests.faults.table import NOTES, ROWS, rendered
from tests.forking import ForkingStack
from tests.relay import Relay, relay
from tests.scheduling import FolderScheduling, longest_first
from tests.service import Service, running_service
from tests.watched import Watched, watched_service

# The authorities that this process and those that it starts trust: one, which signs nothing. httpx reads the
# certificates of all for each client, aiohttp for each process, and the 140 of a system take 40 ms. botocore
# has a list and a variable of its own, and reads them for each client too, even if it speaks HTTP.
AUTHORITY = str(Path(__file__).with_name("authority.pem"))
os.environ |= {"SSL_CERT_FILE": AUTHORITY, "AWS_CA_BUNDLE": AUTHORITY}

# A slow machine is no failure.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# A browser is more than a newcomer's machine must have. Where it is missing its tests are not collected at
# all, and the report says so; .ci/run installs what they need.
BROWSER_IS_MISSING = shutil.which("chromium") is None or not (NODE_MODULES.is_dir() and DIST.is_dir())
# So are generators of clients in TypeScript.
GENERATORS_ARE_MISSING = not (Path(__file__).parent / "generators/node_modules/.package-lock.json").is_file()
UPPY_IS_MISSING = not (Path(__file__).parent / "browser/uppy/node_modules/.package-lock.json").is_file()
LEFT_OUT = {
    **({"browser": "requires chromium, and npm"} if BROWSER_IS_MISSING else {}),
    **({"browser/test_uppy.py": "requires chromium, and npm"} if UPPY_IS_MISSING else {}),
    **({"generators": "requires npm, and Node 20"} if GENERATORS_ARE_MISSING else {}),
}
collect_ignore = [*LEFT_OUT]


def pytest_configure(config: pytest.Config) -> None:
    """Report repeated requests, which are no failures."""
    config.addinivalue_line("filterwarnings", "always::tests.service.Repeated503")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest."""
    longest_first(items)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector, and keep what is made out of its sight: it stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FolderScheduling | None:
    """Replace `--dist loadfile` by a distribution that keeps some folders together."""
    if config.getvalue("dist") != "loadfile":
        return None
    # By default the files with the most tests come first, which are not those that take longest.
    config.option.loadscopereorder = False
    return FolderScheduling(config, log)


def pytest_report_header() -> list[str]:
    """Say what is left out."""
    return [f"left out: tests/{name} ({reason})" for name, reason in LEFT_OUT.items()]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print which faults were tried and what was lost."""
    if ROWS:
        terminalreporter.section("faults")
        for line in rendered():
            terminalreporter.write_line(line)
    if NOTES:
        terminalreporter.section("names of contents")
        for line in NOTES:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Real servers, in a folder and on ports of this run's own."""
    folder: Path = tmp_path_factory.mktemp("stack")
    with ForkingStack(folder) as running:
        yield running


@pytest.fixture(scope="session")
def service(stack: Stack) -> Iterator[Service]:
    """The Waybill that most tests share. Each test is an owner of its own, so none sees another's files."""
    # Pages of this machine may call it: the browser's tests do so from another origin.
    with running_service(stack, cors_origins="http://127.0.0.1:*") as running:
        yield running


# These two are for one module at a time, because few use them, and idle processes take 3 % of a core.
@pytest.fixture(scope="module")
def embedded(stack: Stack) -> Iterator[Service]:
    """A Waybill as `waybill up` runs it, with a trash: the dashboard is open, and the pages carry a token."""
    with running_service(stack, embedded="true", purge_delay="3600") as running:
        yield running


@pytest.fixture(scope="module")
def observed_service(stack: Stack) -> Iterator[Watched]:
    """A Waybill whose metrics and traces are collected."""
    with watched_service(stack) as running:
        yield running


@pytest.fixture
def disposable_service(stack: Stack) -> Iterator[Service]:
    """A Waybill of one test, which may stop or kill it."""
    with running_service(stack) as running:
        yield running


@pytest.fixture(scope="module")
def wire(stack: Stack) -> Iterator[Relay]:
    """What clients may reach the store through."""
    with relay(stack.addresses.s3_endpoint_url) as running:
        yield running


@pytest.fixture
def owner() -> str:
    """An owner without files."""
    return f"owner-{uuid.uuid4()}"
