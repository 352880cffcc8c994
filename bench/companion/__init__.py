"""Uppy Companion, installed from npm and served beside a service, in front of the same bucket."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.stand import served
from tests.service import Service

_FOLDER = Path(__file__).parent
_SCRIPT = str(_FOLDER / "serve.mjs")


@contextmanager
def companion(service: Service) -> Iterator[str]:
    """Its standalone server, one process, with no setting but those it needs to sign; its address.

    Raises:
        RuntimeError: npm or Node is not there, or it does not start.
    """
    _install()
    settings = service.settings
    data = service.stack.folder / "companion"
    data.mkdir(exist_ok=True)
    variables = {
        # Without it Express and Companion run as for a developer, who is not in a hurry.
        "NODE_ENV": "production",
        "COMPANION_SECRET": "unused, because there is no sign-in",
        "COMPANION_PREAUTH_SECRET": "of no use either",
        "COMPANION_DATADIR": str(data),
        "COMPANION_DOMAIN": "127.0.0.1",
        "COMPANION_CLIENT_ORIGINS": "true",
        "COMPANION_UPLOAD_URLS": settings.public_endpoint_url,
        "COMPANION_AWS_ENDPOINT": settings.public_endpoint_url,
        "COMPANION_AWS_FORCE_PATH_STYLE": "true",
        "COMPANION_AWS_REGION": settings.s3_region,
        "COMPANION_AWS_BUCKET": settings.s3_bucket,
        "COMPANION_AWS_KEY": settings.s3_access_key,
        "COMPANION_AWS_SECRET": settings.s3_secret_key.get_secret_value(),
    }
    with served(service, _SCRIPT, program=_program("node"), **variables) as address:
        yield address


def version() -> str:
    """What is measured: its own version, and Node's."""
    locked = json.loads((_FOLDER / "package-lock.json").read_text())["packages"]
    node = subprocess.run([_program("node"), "--version"], capture_output=True, text=True, check=True)
    return f"{locked['node_modules/@uppy/companion']['version']}, Node {node.stdout.strip().lstrip('v')}"


def _install() -> None:
    lock, installed = _FOLDER / "package-lock.json", _FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        argv = [_program("npm"), "ci", "--silent", "--no-audit", "--no-fund"]
        if subprocess.run(argv, cwd=_FOLDER, check=False).returncode:
            raise RuntimeError(f"npm ci failed in {_FOLDER}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is needed, and Node 20.19 or newer: apt-get install npm")
    return found
