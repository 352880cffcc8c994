"""The files that a command works on: ids from the command line or standard input, or filters and patterns."""

import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TypeVar

import typer

from cli.client.formatting import parse_size
from waybill.client import AsyncClient, File
from waybill.client.listing import Filters

T = TypeVar("T")

#: In place of ids, a path or a token: read standard input, even on a terminal.
FROM_STDIN = "-"


@dataclass(frozen=True, slots=True)
class Patterns:
    """Shell patterns for names. A pattern with a slash matches the path below the given folder."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def match(self, path: PurePath) -> bool:
        """Return whether a file matches an include pattern, if there is one, and no exclude pattern."""
        included = not self.include or any(_matches(path, pattern) for pattern in self.include)
        return included and not any(_matches(path, pattern) for pattern in self.exclude)

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude)


@dataclass(frozen=True, slots=True)
class Choice:
    """Files by id or, if ``ids`` is None, the files that match the filters and patterns."""

    ids: Sequence[str] | None
    filters: Filters
    patterns: Patterns

    @property
    def is_filtered(self) -> bool:
        """Whether there is a filter or a pattern."""
        return bool(self.patterns) or any(
            value not in (None, (), False, {}) for value in self.filters.values()
        )

    async def files(self, client: AsyncClient) -> AsyncGenerator[File, None]:
        """Yield the selected files of the list. Raises what ``AsyncClient.files`` raises."""
        async with aclosing(client.files(**self.filters)) as files:
            async for file in files:
                if self.patterns.match(PurePath(file.name.replace("/", "\ufffd"))):
                    yield file


def choose(ids: Sequence[str] | None, choice: Choice, *, recursive: bool = False) -> Choice:
    """Return the choice for a command that accepts ids, filters, or with ``recursive`` a folder.

    Raises:
        typer.BadParameter: the command line has both, or neither.
    """
    if recursive:
        if ids is None or len(ids) != 1:
            raise typer.BadParameter("--recursive needs one folder, or / for all", param_hint="ID")
        choice.filters.update({"folder": read_folder(ids[0]), "recursive": True})
        return choice
    if bool(ids) == choice.is_filtered:
        raise typer.BadParameter("give ids or filters" + (", not both" if ids else ""), param_hint="ID")
    # Empty standard input selects no files, not all files.
    return replace(choice, ids=read_ids(ids)) if ids else choice


def read_ids(ids: Sequence[str]) -> list[str]:
    """Return the ids. ``-`` is replaced by the first word of each line of standard input."""
    found: list[str] = []
    for file_id in ids:
        if file_id == FROM_STDIN:
            found += [line.split()[0] for line in sys.stdin if line.strip()]
        else:
            found.append(file_id)
    return list(dict.fromkeys(found))


def read_rate(text: str | None) -> int | None:
    """Return the bytes per second of --bwlimit.

    Raises:
        typer.BadParameter: it is not a rate.
    """
    rate = parsed(parse_size, text.removesuffix("/s") if text else None, "--bwlimit")
    if rate is not None and rate < 1:
        raise typer.BadParameter("must be at least 1 byte per second", param_hint="--bwlimit")
    return rate


def read_folder(text: str) -> str:
    """Return a folder of the server: ``photos`` and ``photos/`` are the same, and ``/`` is the top.

    Raises:
        typer.BadParameter: a segment is empty, ``.`` or ``..``.
    """
    if text in {"", "/"}:
        return ""
    segments = text.removesuffix("/").split("/")
    if set(segments) & {"", ".", ".."}:
        raise typer.BadParameter(f"{text!r} is not a folder: write it as photos/2026/")
    return "".join(f"{segment}/" for segment in segments)


def read_metadata(pairs: Sequence[str] | None) -> dict[str, str]:
    """Return the pairs of the options ``--metadata key=value``.

    Raises:
        typer.BadParameter: one is not a pair.
    """
    found: dict[str, str] = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise typer.BadParameter(
                f"{pair!r} is not a pair: write it as key=value", param_hint="--metadata"
            )
        found[key] = value
    return found


def parsed(parse: Callable[[str], T], text: str | None, option: str) -> T | None:
    """Parse the value of an option.

    Raises:
        typer.BadParameter: it cannot be parsed.
    """
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _matches(path: PurePath, pattern: str) -> bool:
    return fnmatchcase(path.as_posix() if "/" in pattern else path.name, pattern)
