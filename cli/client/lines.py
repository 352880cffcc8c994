"""What commands print on stdout: a line for people, or one JSON object per line for programs."""

import json
from collections.abc import Mapping
from typing import Any

from cli.client.exits import code_of, words_of
from cli.client.verbosity import VERBOSITY, complain
from cli.client.words import as_text, printable, size_in_words, time_in_words
from waybill.client import ApiError, ClientError, File

#: The columns of ``line_of``.
HEADER = f"{'ID':<24}  {'SIZE':>9}  {'STATUS':<10}  {'CREATED':<16}  NAME"


def line_of(file: File) -> str:
    """A file in a list."""
    size, time = size_in_words(file.size), time_in_words(file.created_at)
    end = "" if file.deleted_at is None else "  deleted"
    return printable(f"{file.id}  {size:>9}  {file.status:<10}  {time}  {file.path}{end}")


def as_json(what: Mapping[str, Any]) -> str:
    """One object on one line, of ASCII without control characters."""
    return json.dumps(what, separators=(",", ":")).replace("\x7f", "\\u007f")


def error_as_json(error: Exception) -> dict[str, Any]:
    """A failure as programs read it: the API's own code where it has one."""
    code = error.code if isinstance(error, ClientError) else "local_error"
    facts = error.context if isinstance(error, ApiError) else {}
    of_http = {"type", "title", "status"}
    return {"code": code, "detail": as_text(words_of(error))} | {
        name: fact for name, fact in facts.items() if name not in of_http
    }


def result(
    outcome: str,
    *,
    file_id: str | None = None,
    path: str | None = None,
    file: File | None = None,
    error: Exception | None = None,
) -> str:
    """Return what became of one file as JSON, in the one shape that all commands use."""
    return as_json(
        {
            "outcome": outcome,
            "id": file.id if file is not None else file_id and as_text(file_id),
            "path": None if path is None else as_text(path),
            "file": None if file is None else file.raw,
            "error": None if error is None else error_as_json(error),
        }
    )


def about(what: str, error: Exception) -> str:
    """Return an error message that starts with what it is about, once."""
    text = words_of(error)
    return text if text.startswith(what) else f"{what}: {text}"


def tell(file: File, outcome: str, *, json_lines: bool) -> None:
    """Print what became of a file."""
    if json_lines:
        print(result(outcome, file=file), flush=True)
    elif not VERBOSITY.quiet:
        print(printable(f"{outcome.replace('_', ' ')} {file.id}  {file.path}"), flush=True)


def tell_failure(file_id: str, error: Exception, *, json_lines: bool) -> int:
    """Print a failure on stderr, and as JSON on stdout too; return its exit code."""
    complain(printable(about(file_id, error)))
    if json_lines:
        print(result("failed", file_id=file_id, error=error), flush=True)
    return code_of(error)
