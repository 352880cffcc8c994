"""The little Markdown that references are made of, and the tables that they complete."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[1]
README = DOCS.parent / "README.md"


class StaleError(Exception):
    """Raised when two places that must agree differ. The message names both."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing where there are no rows."""
    lines = [" | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in row) for row in rows]
    if not lines:
        return ""
    return "\n".join(f"| {line} |" for line in [" | ".join(head), " | ".join("---" for _ in head), *lines])


def code(text: object) -> str:
    """Text in the type of code."""
    return f"`{text}`"


def blocks(*parts: str) -> str:
    """Parts with an empty line between; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)


def anchor(heading: str) -> str:
    """What a heading is linked by, as forges and the site make it of plain ASCII."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def sections(text: str) -> dict[str, str]:
    """The text under the title and under each heading of the second level, by its anchor."""
    title, rest = text.removeprefix("# ").split("\n", 1)
    lead, *parts = re.split(r"^## (.+)\n", rest, flags=re.MULTILINE)
    headings, bodies = [title, *parts[::2]], [lead, *parts[1::2]]
    return {anchor(heading): body.strip() for heading, body in zip(headings, bodies, strict=True)}


def table_rows(page: str) -> list[list[str]]:
    """Return the rows of the first table of a page of the reference, without its head.

    Raises:
        StaleError: the page has no table.
    """
    text = (DOCS / "reference" / f"{page}.md").read_text("utf-8")
    first = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    if first is None:
        raise StaleError(f"docs/reference/{page}.md has no table")
    _, _, *rows = re.findall(r"^\|(.*)\|$", first[0], re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows]
