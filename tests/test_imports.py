"""The arrows between the rooms of the house, read from the source."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"api", "actors", "waybill", "stack", "cli", "docs"}
DRIVERS = {"motor", "pymongo", "bson", "beanie"}
STORES = {"aioboto3", "aiobotocore", "botocore", "boto3"}


def modules(room: str) -> Iterator[Path]:
    yield from (ROOT / room).rglob("*.py")


def imported(path: Path) -> set[str]:
    """What a module imports, wherever in it, as dotted names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


@pytest.mark.parametrize(
    ("room", "allowed"),
    [
        ("waybill", {"waybill"}),
        ("api", {"api", "waybill"}),
        ("actors", {"actors", "waybill"}),
        ("stack", {"stack"}),
        ("cli", ROOMS - {"docs"}),
        ("docs", {"docs", "api", "waybill", "cli"}),
    ],
)
def test_a_room_imports_only_the_rooms_below_it(room: str, allowed: set[str]) -> None:
    for path in modules(room):
        assert tops(path) & ROOMS <= allowed, path


def test_the_client_knows_nothing_of_servers() -> None:
    """Who uses it elsewhere has none, and no settings."""
    own = {"waybill.client", "waybill.lifecycle"}
    for path in modules("waybill/client"):
        ours = {name for name in imported(path) if name.partition(".")[0] in ROOMS}
        assert all(name.startswith(tuple(own)) for name in ours), path
        assert tops(path) <= sys.stdlib_module_names | {"waybill", "aiohttp", "yarl"}, path


def test_servers_know_nothing_of_the_client() -> None:
    for room in ("waybill", "api", "actors"):
        for path in set(modules(room)) - set(modules("waybill/client")):
            assert not any(name.startswith("waybill.client") for name in imported(path)), path


def test_the_stack_needs_the_standard_library_and_what_makes_its_keys() -> None:
    needed = {"mongod": {"pymongo"}, "certificates": {"cryptography"}}
    for path in modules("stack"):
        assert tops(path) <= sys.stdlib_module_names | {"stack"} | needed.get(path.stem, set()), path


@pytest.mark.parametrize("module", ["lifecycle", "errors"])
def test_statuses_and_errors_are_pure(module: str) -> None:
    assert tops(ROOT / "waybill" / f"{module}.py") <= sys.stdlib_module_names


def test_one_package_knows_the_database_driver() -> None:
    knowing = {path for room in ROOMS for path in modules(room) if tops(path) & DRIVERS}
    stored = {
        ROOT / "waybill" / f"{name}.py"
        for name in (
            "webhooks/model",
            "webhooks/repository",
            "webhooks/delivery_repository",
            "events/change_stream",
        )
    }
    # The stack creates the replica set and its user.
    assert knowing <= {*modules("waybill/documents"), *stored, ROOT / "stack" / "mongod.py"}


def test_one_package_knows_the_object_stores_client() -> None:
    knowing = {path for room in ROOMS for path in modules(room) if tops(path) & STORES}
    assert knowing <= set(modules("waybill/storage"))


def test_one_module_knows_how_traces_are_made() -> None:
    """And imports none of it until it is asked to trace: a name at its top would be there for good."""
    for room in ROOMS:
        for path in modules(room):
            if path != ROOT / "waybill" / "tracing.py":
                assert "opentelemetry" not in tops(path), path


def test_one_module_reads_the_environment() -> None:
    for room in ("waybill", "api", "actors"):
        for path in modules(room):
            if path.name != "settings.py":
                assert "os.environ" not in path.read_text(), path
                assert "getenv" not in path.read_text(), path


def test_the_two_faces_do_not_know_each_other() -> None:
    for face, other in (("graphql", "api.rest"), ("rest", "api.graphql")):
        for path in modules(f"api/{face}"):
            assert not any(name.startswith(other) for name in imported(path)), path


def test_use_cases_open_nothing() -> None:
    for path in {*modules("waybill/usecases"), *modules("waybill/webhooks")}:
        opened = {name for name in imported(path) if name.rpartition(".")[2].startswith("open_")}
        assert not opened, path


def test_a_module_is_one_idea() -> None:
    for room in ROOMS:
        for path in modules(room):
            assert len(path.read_text().splitlines()) <= 300, path
