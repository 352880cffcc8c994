"""The arrows between folders and modules, read from the source."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"api", "actors", "waybill", "stack", "cli", "docs"}
DRIVERS = {"motor", "pymongo", "bson", "beanie"}
STORES = {"aioboto3", "aiobotocore", "botocore", "boto3"}

#: The domains of `waybill/`, each with those that it may import.
DOMAINS = {
    "platform": set[str](),
    "files": {"platform"},
    "events": {"platform", "files"},
    "webhooks": {"platform", "files", "events"},
}

#: The modules of the domains that read and write documents. All others call these.
STORED = {
    *(
        "files/model",
        "files/repository",
        "files/transitions",
        "files/contents",
        "files/handover",
        "files/earlier_names",
        "files/due",
        "files/all_files",
        "files/file_counts",
    ),
    *("files/idempotency", "files/part_sha256"),
    *("files/operations/model", "files/operations/repository", "files/operations/folder_files"),
    *("files/listing/filters", "files/listing/query", "files/listing/index_keys", "files/listing/folders"),
    *("files/usage/quota", "files/usage/sums", "files/usage/laps", "files/usage/walk"),
    "events/change_stream",
    *("webhooks/model", "webhooks/repository", "webhooks/delivery_repository"),
    "indexes",
}


def modules(folder: str) -> Iterator[Path]:
    yield from (ROOT / folder).rglob("*.py")


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
    ("folder", "allowed"),
    [
        ("waybill", {"waybill"}),
        ("api", {"api", "waybill"}),
        ("actors", {"actors", "waybill"}),
        ("stack", {"stack"}),
        ("cli", FOLDERS - {"docs"}),
        ("docs", {"docs", "api", "waybill", "cli"}),
    ],
)
def test_a_folder_imports_only_the_folders_below_it(folder: str, allowed: set[str]) -> None:
    for path in modules(folder):
        assert tops(path) & FOLDERS <= allowed, path


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_imports_only_the_domains_below_it(domain: str) -> None:
    """And of what wires them the type of the resources alone, with what it consists of."""
    allowed = {domain, "resources"} | DOMAINS[domain]
    for path in modules(f"waybill/{domain}"):
        ours = {name.split(".")[1] for name in imported(path) if name.startswith("waybill.")}
        assert ours <= allowed, path


def test_no_import_leads_in_a_circle() -> None:
    """What a circle does depends on which of its modules is imported first."""
    # In the client and the commands, types alone lead back.
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for folder in FOLDERS - {"cli"}
        for path in set(modules(folder)) - set(modules("waybill/client"))
    }
    arrows = {
        name: {each if each in paths else each.rpartition(".")[0] for each in imported(path)} & paths.keys()
        for name, path in paths.items()
    }
    TopologicalSorter(arrows).prepare()


def test_the_client_knows_nothing_of_servers() -> None:
    """Who uses it elsewhere has none, and no settings."""
    own = {"waybill.client", "waybill.files.lifecycle", "waybill.platform.s3.error_codes"}
    for path in modules("waybill/client"):
        ours = {name for name in imported(path) if name.partition(".")[0] in FOLDERS}
        assert all(name.startswith(tuple(own)) for name in ours), path
        assert tops(path) <= sys.stdlib_module_names | {"waybill", "aiohttp", "yarl"}, path


def test_servers_know_nothing_of_the_client() -> None:
    for folder in ("waybill", "api", "actors"):
        for path in set(modules(folder)) - set(modules("waybill/client")):
            assert not any(name.startswith("waybill.client") for name in imported(path)), path


def test_the_stack_needs_the_standard_library_and_what_makes_its_keys() -> None:
    needed = {"mongod": {"pymongo"}, "certificates": {"cryptography"}}
    for path in modules("stack"):
        assert tops(path) <= sys.stdlib_module_names | {"stack"} | needed.get(path.stem, set()), path


@pytest.mark.parametrize("module", ["files/lifecycle", "platform/errors", "platform/s3/error_codes"])
def test_statuses_and_errors_are_pure(module: str) -> None:
    assert tops(ROOT / "waybill" / f"{module}.py") <= sys.stdlib_module_names


def test_few_modules_know_the_database_driver() -> None:
    knowing = {path for folder in FOLDERS for path in modules(folder) if tops(path) & DRIVERS}
    stored = {ROOT / "waybill" / f"{name}.py" for name in STORED}
    # The stack creates the replica set and its user.
    assert knowing <= {*modules("waybill/platform/mongo"), *stored, ROOT / "stack" / "mongod.py"}


def test_one_package_knows_the_object_stores_client() -> None:
    knowing = {path for folder in FOLDERS for path in modules(folder) if tops(path) & STORES}
    assert knowing <= set(modules("waybill/platform/s3"))


def test_one_module_knows_how_traces_are_made() -> None:
    """And imports none of it until it is asked to trace: a name at its top would be there for good."""
    for folder in FOLDERS:
        for path in modules(folder):
            if path != ROOT / "waybill" / "platform" / "tracing.py":
                assert "opentelemetry" not in tops(path), path


def test_one_module_reads_the_environment() -> None:
    for folder in ("waybill", "api", "actors"):
        for path in modules(folder):
            if path.name != "settings.py":
                assert "os.environ" not in path.read_text(), path
                assert "getenv" not in path.read_text(), path


def test_the_protocols_do_not_know_each_other() -> None:
    for protocol, other in (("graphql", "api.rest"), ("rest", "api.graphql")):
        for path in modules(f"api/{protocol}"):
            assert not any(name.startswith(other) for name in imported(path)), path


def test_use_cases_open_nothing() -> None:
    for domain in set(DOMAINS) - {"platform"}:
        for path in modules(f"waybill/{domain}"):
            opened = {name for name in imported(path) if name.rpartition(".")[2].startswith("open_")}
            assert not opened, path


def test_a_module_is_one_idea() -> None:
    for folder in FOLDERS:
        for path in modules(folder):
            assert len(path.read_text().splitlines()) <= 300, path
