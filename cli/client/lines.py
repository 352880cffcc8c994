"""What commands say on stdout: a line for people, or one JSON object on a line for programs."""

import json
from collections.abc import Mapping
from typing import Any

from cli.client.exits import code_of, complain, words_of
from cli.client.words import printable, size_in_words, time_in_words
from waybill.client import ApiError, ClientError, File


def line_of(file: File) -> str:
    """A file in a list."""
    size, time = size_in_words(file.size), time_in_words(file.created_at)
    end = "" if file.deleted_at is None else "  deleted"
    return f"{file.id}  {size:>9}  {file.status:<10}  {time}  {printable(file.name)}{end}"


def as_json(what: Mapping[str, Any]) -> str:
    """One object on one line."""
    return json.dumps(what, separators=(",", ":"))


def error_as_json(error: Exception) -> dict[str, Any]:
    """A failure as programs read it: the API's own code where it has one."""
    code = error.code if isinstance(error, ClientError) else "local_error"
    facts = error.context if isinstance(error, ApiError) else {}
    of_http = {"type", "title", "status"}
    return {"code": code, "detail": words_of(error)} | {
        name: fact for name, fact in facts.items() if name not in of_http
    }


def tell(file: File, what: str, *, json_lines: bool) -> None:
    """Say what became of a file."""
    print(as_json(file.raw) if json_lines else f"{what} {file.id}  {printable(file.name)}", flush=True)


def tell_failure(what: str, error: Exception, *, json_lines: bool) -> int:
    """Say that something failed, on stderr and for programs on stdout too; the exit code for it."""
    complain(f"{printable(what)}: {words_of(error)}")
    if json_lines:
        print(as_json({"id": what, "error": error_as_json(error)}), flush=True)
    return code_of(error)
