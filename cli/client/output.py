"""Results on stdout: a line of text, or with --json one JSON object per line."""

import json
from collections.abc import Mapping
from typing import Any

from cli.client.exit_codes import code_of, error_text
from cli.client.formatting import as_text, format_size, format_time, printable
from cli.client.verbosity import VERBOSITY, print_message
from waybill.client import ApiError, ClientError, File

#: The heading of the lines of ``file_line``.
HEADER = f"{'ID':<24}  {'SIZE':>9}  {'STATUS':<10}  {'CREATED':<16}  NAME"


def file_line(file: File) -> str:
    """Return the line of a file in a list."""
    size, time = format_size(file.size), format_time(file.created_at)
    end = "" if file.deleted_at is None else "  deleted"
    return printable(f"{file.id}  {size:>9}  {file.status:<10}  {time}  {file.path}{end}")


def to_json(what: Mapping[str, Any]) -> str:
    """Return an object as one line of ASCII without control characters."""
    return json.dumps(what, separators=(",", ":")).replace("\x7f", "\\u007f")


def error_as_json(error: Exception) -> dict[str, Any]:
    """Return a failure as JSON, with the API's error code if it has one."""
    code = error.code if isinstance(error, ClientError) else "local_error"
    facts = error.context if isinstance(error, ApiError) else {}
    of_http = {"type", "title", "status"}
    return {"code": code, "detail": as_text(error_text(error))} | {
        name: fact for name, fact in facts.items() if name not in of_http
    }


def result_json(
    outcome: str,
    *,
    file_id: str | None = None,
    path: str | None = None,
    file: File | None = None,
    error: Exception | None = None,
) -> str:
    """Return the outcome for one file as JSON. All commands use this format."""
    return to_json(
        {
            "outcome": outcome,
            "id": file.id if file is not None else file_id and as_text(file_id),
            "path": None if path is None else as_text(path),
            "file": None if file is None else file.raw,
            "error": None if error is None else error_as_json(error),
        }
    )


def message_about(what: str, error: Exception) -> str:
    """Return an error message that starts with its subject."""
    text = error_text(error)
    return text if text.startswith(what) else f"{what}: {text}"


def print_outcome(file: File, outcome: str, *, json_lines: bool) -> None:
    """Print the outcome for a file."""
    if json_lines:
        print(result_json(outcome, file=file), flush=True)
    elif not VERBOSITY.quiet:
        print(printable(f"{outcome.replace('_', ' ')} {file.id}  {file.path}"), flush=True)


def print_failure(file_id: str, error: Exception, *, json_lines: bool) -> int:
    """Print a failure on stderr, and as JSON on stdout too; return its exit code."""
    print_message(printable(message_about(file_id, error)))
    if json_lines:
        print(result_json("failed", file_id=file_id, error=error), flush=True)
    return code_of(error)
