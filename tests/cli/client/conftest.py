"""A shell that is signed in."""

from pathlib import Path

import pytest

from tests.cli.client.shell import Shell
from tests.service import Service


@pytest.fixture
def shell(service: Service, owner: str, tmp_path: Path) -> Shell:
    """A shell with the address of a server and a token."""
    return Shell(tmp_path, WAYBILL_URL=service.address, WAYBILL_TOKEN=service.token(owner))


@pytest.fixture(scope="module")
def listed(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell of an owner with three files of 1, 2 and 4 KiB, created one after the other."""
    folder = tmp_path_factory.mktemp("listed")
    token = service.token(f"lister-{folder}")
    shell = Shell(folder, WAYBILL_URL=service.address, WAYBILL_TOKEN=token)
    for name, size in (("a.txt", 1024), ("b.jpg", 2048), ("c.png", 4096)):
        (folder / name).write_bytes(bytes(size))
        assert shell.run("upload", folder / name).code == 0
    return shell
