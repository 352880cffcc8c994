"""Hooks of MkDocs: insert sections of the README and generated references, and rewrite links.

`<!-- include: README.md#start -->` is replaced by the text of that section. `<!-- generated: rest -->` is
replaced by that reference, with the table that follows it, if there is one. A forge shows that table.
"""

import re
from functools import cache
from pathlib import Path
from posixpath import normpath, relpath
from typing import Any

from docs.generators import GENERATORS
from docs.generators.markdown import README, StaleError, sections

ROOT = README.parent
DOCS = ROOT / "docs"

_INCLUDE = re.compile(r"^<!-- include: ([\w./-]+)#?([\w-]*) -->$", re.MULTILINE)
_GENERATED = re.compile(r"^<!-- generated: ([\w-]+) -->$(?:\n\n(?:^\|.*\n)+)?", re.MULTILINE)
_LINK = re.compile(r"(!?\[[^\]]+\])\(([^)\s]+)\)")

#: Files of the repository that are shown as a page.
SHOWN_AS = {"schema.graphql": "reference/graphql.md", "CHANGELOG.md": "changelog.md"}


def on_config(config: Any) -> None:
    """Let one entry of the navigation stand for many files: records are added and never taken away."""
    config.nav = _expanded(config.nav)


def _expanded(nav: Any) -> Any:
    match nav:
        case list():
            return [each for entry in nav for each in _entries(entry)]
        case dict():
            return {title: _expanded(entry) for title, entry in nav.items()}
    return nav


def _entries(entry: Any) -> list[Any]:
    if isinstance(entry, str) and "*" in entry:
        return sorted(path.relative_to(DOCS).as_posix() for path in DOCS.glob(entry))
    return [_expanded(entry)]


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Fill a page in. A page that asks for what is not there ends the build."""
    here = page.file.src_uri
    text = _GENERATED.sub(lambda match: GENERATORS[match[1]]() + "\n", markdown)
    text = follow(text, f"docs/{here}", here)
    return _INCLUDE.sub(lambda match: _included(match[1], match[2], here), text)


def _included(source: str, section: str, here: str) -> str:
    text = (ROOT / source).read_text("utf-8")
    body = sections(text)[section] if section else text.partition("\n")[2]
    return follow(body.strip(), source, here)


def follow(markdown: str, source: str, here: str) -> str:
    """A text of the file ``source`` with its links as they lead from the page ``here``.

    A file of the repository that is no page is named rather than linked to.

    Raises:
        StaleError: a link leads nowhere.
    """

    def follow_one(match: re.Match[str]) -> str:
        text, link = match.groups()
        if re.match(r"[a-z]+:", link):
            return match[0]
        path, _, fragment = link.partition("#")
        target = normpath(str(Path(source).parent / path)) if path else source
        if target == "README.md":
            page, fragment = _page_of(fragment), ""
        elif target in SHOWN_AS:
            page = SHOWN_AS[target]
        elif target.startswith("docs/") and (target.endswith(".md") or text.startswith("!")):
            page = target.removeprefix("docs/")
        elif (ROOT / target).exists():
            return text[1:-1]
        else:
            raise StaleError(f"{source} links to {link}, which is not there")
        to = "" if page == here else relpath(page, str(Path(here).parent))
        return f"{text}({to}{'#' if fragment or not to else ''}{fragment})"

    return _outside_code(markdown, lambda part: _LINK.sub(follow_one, part))


def _outside_code(markdown: str, change: Any) -> str:
    """Change what is not in a fenced block."""
    parts = re.split(r"(^ *```.*?^ *```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


@cache
def _pages() -> dict[str, str]:
    """Return the page that includes each section of the README."""
    return {
        section: path.relative_to(DOCS).as_posix()
        for path in sorted(DOCS.rglob("*.md"))
        for source, section in _INCLUDE.findall(path.read_text("utf-8"))
        if source == README.name
    }


def _page_of(section: str) -> str:
    if not section:
        return "index.md"
    if section not in _pages():
        raise StaleError(f"a link leads to README.md#{section}, which no page includes")
    return _pages()[section]
