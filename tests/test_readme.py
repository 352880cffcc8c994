"""The README's walk-throughs, run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.client import exits
from tests.service import Service
from tests.walks import take
from waybill.errors import WaybillError
from waybill.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(walk: str, language: str = "sh") -> str:
    """The blocks of one walk-through, in their order."""
    return "\n".join(re.findall(rf"<!-- walk: {walk} -->\n```{language}\n(.*?)```", README, re.DOTALL))


@pytest.mark.parametrize(
    ("walk", "outcome"),
    [
        *((walk, "COMPLETED") for walk in ("curl", "graphql", "parts", "cli")),
        ("webhooks", "DELIVERED"),
    ],
)
def test_a_walk_through_works_as_it_stands(walk: str, outcome: str, service: Service, tmp_path: Path) -> None:
    output = take(README, walk, service, tmp_path)
    assert f'"{outcome}"' in output
    assert '"errors"' not in output


def test_the_walk_through_in_python_works_as_it_stands(service: Service, owner: str, tmp_path: Path) -> None:
    script = blocks("python", "python")
    assert "http://127.0.0.1:8000" in script
    (tmp_path / "film.mp4").write_bytes(bytes(1_000_000))
    result = subprocess.run(
        [sys.executable, "-c", script.replace("http://127.0.0.1:8000", service.address)],
        check=False,
        cwd=tmp_path,
        env={**service.env, "PYTHONPATH": str(ROOT), "WAYBILL_TOKEN": service.token(owner)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert "100%\nCOMPLETED " in result.stdout
    assert "film.mp4 1000000 " in result.stdout
    assert (tmp_path / "copy.mp4").read_bytes() == bytes(1_000_000)


def test_every_exit_code_of_the_client_is_in_the_table() -> None:
    documented = re.findall(r"^\| (\d+) \| (.+) \|$", README, re.MULTILINE)
    assert documented == re.findall(r"^(\d+) +(.+)$", exits.__doc__ or "", re.MULTILINE)


def test_every_setting_is_in_the_table() -> None:
    documented = set(re.findall(r"`(WAYBILL_[A-Z0-9_]+)`", README))
    # `embedded` is set by `waybill up` alone.
    known = {f"WAYBILL_{name.upper()}" for name in Settings.model_fields if name != "embedded"}
    assert documented == known


def test_every_code_is_in_the_table() -> None:
    for error in WaybillError.__subclasses__():
        if error.code != "forbidden":  # the dashboard's alone
            assert f"`{error.code}`" in README
