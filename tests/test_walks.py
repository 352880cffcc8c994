"""The walk-throughs of the README and the documentation, run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.client import exit_codes
from tests.service import Service
from tests.walks import take
from waybill.platform.errors import WaybillError
from waybill.platform.settings import Settings

ROOT = Path(__file__).parents[1]


def text(page: str) -> str:
    """Return the text of a file of the repository."""
    return (ROOT / page).read_text()


@pytest.mark.parametrize(
    ("page", "walk", "outcome"),
    [
        ("README.md", "first", "COMPLETED"),
        ("docs/tutorial/curl.md", "curl", "COMPLETED"),
        ("docs/tutorial/graphql.md", "graphql", "COMPLETED"),
        ("docs/how-to/large-files.md", "parts", "COMPLETED"),
        ("docs/how-to/command-line.md", "cli", "COMPLETED"),
        ("docs/how-to/webhooks.md", "webhooks", "DELIVERED"),
    ],
)
def test_a_walk_through_works_as_it_stands(
    page: str, walk: str, outcome: str, service: Service, tmp_path: Path
) -> None:
    output = take(text(page), walk, service, tmp_path)
    assert f'"{outcome}"' in output
    assert '"errors"' not in output


def test_the_client_in_python_works_as_it_stands(service: Service, owner: str, tmp_path: Path) -> None:
    """The guide and the README each show a script."""
    (tmp_path / "film.mp4").write_bytes(bytes(1_000_000))
    (tmp_path / "hello.txt").write_text("hello")
    guide = _run_script("docs/how-to/python-client.md", service, owner, tmp_path)
    assert "100%\nCOMPLETED " in guide
    assert "film.mp4 1000000 " in guide
    assert (tmp_path / "copy.mp4").read_bytes() == bytes(1_000_000)
    assert _run_script("README.md", service, owner, tmp_path).startswith("COMPLETED ")
    assert (tmp_path / "copy.txt").read_text() == "hello"


def _run_script(page: str, service: Service, owner: str, folder: Path) -> str:
    script = "\n".join(re.findall(r"<!-- walk: python -->\n```python\n(.*?)```", text(page), re.DOTALL))
    assert "http://127.0.0.1:8000" in script
    result = subprocess.run(
        [sys.executable, "-c", script.replace("http://127.0.0.1:8000", service.address)],
        check=False,
        cwd=folder,
        env={**service.env, "PYTHONPATH": str(ROOT), "WAYBILL_TOKEN": service.token(owner)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_exit_code_of_the_client_is_in_the_table() -> None:
    documented = re.findall(r"^\| (\d+) \| (.+) \|$", text("docs/how-to/command-line.md"), re.MULTILINE)
    assert documented == re.findall(r"^(\d+) +(.+)$", exit_codes.__doc__ or "", re.MULTILINE)


def test_every_setting_is_in_the_table() -> None:
    documented = set(re.findall(r"`(WAYBILL_[A-Z0-9_]+)`", text("docs/reference/settings.md")))
    # `embedded` is set by `waybill up` alone.
    known = {f"WAYBILL_{name.upper()}" for name in Settings.model_fields if name != "embedded"}
    assert documented == known


def test_every_code_is_in_the_table() -> None:
    errors = text("docs/reference/errors.md")
    for error in WaybillError.__subclasses__():
        if error.code != "forbidden":  # the dashboard's alone
            assert f"`{error.code}`" in errors
