"""The README's walk-throughs, run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service import Service
from waybill.errors import WaybillError
from waybill.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(walk: str) -> str:
    """The shell blocks of one walk-through, in their order."""
    return "\n".join(re.findall(rf"<!-- walk: {walk} -->\n```sh\n(.*?)```", README, re.DOTALL))


@pytest.mark.parametrize("walk", ["curl", "graphql", "parts"])
def test_a_walk_through_works_as_it_stands(walk: str, service: Service, tmp_path: Path) -> None:
    script = blocks(walk)
    # What differs from a reader's machine: the port, and where the secret is.
    for written, here in (
        ("http://127.0.0.1:8000", service.address),
        (".venv/bin/waybill", f"{sys.executable} -m cli"),
    ):
        assert written in script
        script = script.replace(written, here)
    result = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        check=False,
        cwd=tmp_path,
        env={**service.env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert '"COMPLETED"' in result.stdout
    assert '"errors"' not in result.stdout


def test_every_setting_is_in_the_table() -> None:
    documented = set(re.findall(r"`(WAYBILL_[A-Z0-9_]+)`", README))
    # `embedded` is set by `waybill up` alone.
    known = {f"WAYBILL_{name.upper()}" for name in Settings.model_fields if name != "embedded"}
    assert documented == known


def test_every_code_is_in_the_table() -> None:
    for error in WaybillError.__subclasses__():
        if error.code != "forbidden":  # the dashboard's alone
            assert f"`{error.code}`" in README
