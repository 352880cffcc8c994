"""A folder in which generators of clients write, and a compiler checks what they wrote."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from api.graphql.schema import create_schema
from api.rest.routes import openapi_json
from tests.service import Service

HERE = Path(__file__).parent

#: What writes the clients, from the contracts alone.
GENERATORS = (
    ("openapi-typescript", "openapi.json", "--output", "src/schema.ts"),
    ("openapi-ts", "--input", "openapi.json", "--output", "src/hey-api", "--silent"),
    ("relay-compiler", "relay.config.json"),
)

Program = Callable[[str], Awaitable[Any]]


async def run(folder: Path, *command: str) -> str:
    """Run a command to its end, and return what it printed."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=pipe, stderr=pipe)
    output, errors = await child.communicate()
    assert child.returncode == 0, f"{command}: {output.decode()}{errors.decode()}"
    return output.decode()


@pytest.fixture(scope="session")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate everything, check its types, and compile it."""
    folder = tmp_path_factory.mktemp("generators") / "work"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules", "*.py", "__pycache__"))
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    (folder / "relay" / "__generated__").mkdir()
    (folder / "openapi.json").write_bytes(openapi_json())
    (folder / "schema.graphql").write_text(create_schema().as_str())
    binaries = HERE / "node_modules" / ".bin"
    await asyncio.gather(
        run(folder, "node", "codegen.mjs"),
        *(run(folder, str(binaries / name), *arguments) for name, *arguments in GENERATORS),
    )
    await run(folder, str(binaries / "tsc"), "--project", "tsconfig.json")
    return folder


@pytest.fixture
def program(folder: Path, service: Service, owner: str) -> Program:
    """Run one of the programs against the service, and return what it printed as JSON."""

    async def start(name: str) -> Any:
        command = ("node", f"out/{name}.js", service.address, service.token(owner))
        return json.loads(await run(folder, *command))

    return start
