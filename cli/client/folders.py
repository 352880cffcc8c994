"""`waybill mv` and `waybill rm -r` of whole folders: the server does the work, and the command waits."""

from collections.abc import Awaitable, Callable

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.client.exit_codes import DONE, FAILED, NOT_FOUND
from cli.client.formatting import format_file_count, printable
from cli.client.output import to_json
from cli.client.session import Session
from cli.client.verbosity import VERBOSITY, print_message
from waybill.client import AsyncClient, Operation

INTERRUPTED = "No longer waiting. The server continues."

#: Begins an operation and waits for its end; the argument is called with its states.
Begin = Callable[[AsyncClient, Callable[[Operation], None]], Awaitable[Operation]]


async def move_folder(session: Session, folder: str, to: str, *, json_lines: bool) -> int:
    """Move a folder; return the exit code."""

    async def begin(client: AsyncClient, progress: Callable[[Operation], None]) -> Operation:
        return await client.move_folder(folder, to, progress=progress)

    async with session.client() as client:
        operation = await _show(client, begin, f"moving {folder}", json_lines=json_lines)
    return _end(operation, f"moved {format_file_count(operation.done)} to {to or '/'}", json_lines=json_lines)


async def remove_folder(session: Session, folder: str, *, yes: bool, json_lines: bool) -> int:
    """Delete a folder, and ask first; return the exit code."""

    async def begin(client: AsyncClient, progress: Callable[[Operation], None]) -> Operation:
        return await client.delete_folder(folder, progress=progress)

    async with session.client() as client:
        if not yes:
            count = await client.count(folder=folder, recursive=True)
            files = "all its files" if count is None else format_file_count(count)
            if count != 0 and not typer.confirm(printable(f"Delete {folder} with {files}?"), err=True):
                print_message("Nothing was deleted.")
                return FAILED
        operation = await _show(client, begin, f"deleting {folder}", json_lines=json_lines)
    return _end(operation, f"deleted {format_file_count(operation.done)}", json_lines=json_lines)


async def _show(client: AsyncClient, begin: Begin, what: str, *, json_lines: bool) -> Operation:
    """Show an operation on a terminal until it ends."""
    console = Console(stderr=True, emoji=False)
    if json_lines or VERBOSITY.quiet or not console.is_terminal:
        return await begin(client, lambda _: None)
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as shown:
        task = shown.add_task(printable(what), total=None)
        return await begin(
            client, lambda operation: shown.update(task, completed=operation.done, total=operation.total)
        )


def _end(operation: Operation, result: str, *, json_lines: bool) -> int:
    if json_lines:
        print(to_json(operation.raw))
    if not operation.done:
        print_message(f"There are no files in {operation.folder}")
        return NOT_FOUND
    if not json_lines and not VERBOSITY.quiet:
        print(printable(result))
    return DONE
