"""What the documentation shows, run as it stands. That its links hold is for `make docs` to say."""

import re
from pathlib import Path

from tests.service import Service
from tests.walks import take

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def test_a_first_upload_in_python(service: Service, tmp_path: Path) -> None:
    first, second = take(page("tutorial/python.md"), "python", service, tmp_path).splitlines()
    assert first.startswith("COMPLETED ")
    assert second == first


def test_a_follower_is_told(service: Service, tmp_path: Path) -> None:
    assert "hello.txt PENDING" in take(page("how-to/live.md"), "live", service, tmp_path)


def test_a_duplicate_is_not_sent(service: Service, tmp_path: Path) -> None:
    # Guides go on from the names that their first page sets.
    steps = page("how-to/index.md").replace("walk: names", "walk: duplicates") + page("how-to/duplicates.md")
    output = take(steps, "duplicates", service, tmp_path)
    assert '"upload": null' in output
    assert '"name": "b.txt"' in output


def test_what_is_said_to_be_somewhere_is_there() -> None:
    places = re.findall(r"`(\w+)` in `([\w/]+\.py)`", page("architecture/code.md"))
    assert len(places) >= 10
    for name, path in places:
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text()), (name, path)
