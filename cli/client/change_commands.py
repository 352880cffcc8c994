"""The commands that change stored files: `waybill rm`, `mv` and `restore`. See `commands`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.client.commands import PANEL
from cli.client.filter_options import with_filters
from cli.client.options import (
    DryRun,
    FileId,
    FileIds,
    Json,
    MovedFolder,
    MovedName,
    Quiet,
    SomeIds,
    Url,
    Verbose,
)

if TYPE_CHECKING:
    from cli.client.choice import Choice

app = typer.Typer()


@app.command(rich_help_panel=PANEL)
@with_filters
def rm(
    ids: SomeIds = None,
    *,
    choice: "Choice",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete files by filters without asking.")] = False,
    dry_run: DryRun = False,
    json_lines: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    url: Url = None,
) -> None:
    """Delete files by id, or all files that match the filters.

    If the server has a trash, deleted files can be restored for some time.
    """
    import sys

    from cli.client.choice import choose
    from cli.client.exit_codes import run
    from cli.client.files import remove

    choice = choose(ids, choice)
    if not (choice.ids is not None or yes or dry_run or sys.stdin.isatty()):
        raise typer.BadParameter("standard input is not a terminal: add --yes or --dry-run", param_hint="rm")
    run(
        url,
        lambda session: remove(session, choice, yes=yes, dry_run=dry_run, json_lines=json_lines),
        json_lines=json_lines,
    )


@app.command(rich_help_panel=PANEL)
def mv(
    file_id: FileId,
    name: MovedName = None,
    *,
    folder: MovedFolder = None,
    json_lines: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    url: Url = None,
) -> None:
    """Rename a file, or move it to another folder. Nothing is sent again."""
    from cli.client.exit_codes import run
    from cli.client.files import move

    if name is None and folder is None:
        raise typer.BadParameter("give a new name or --folder", param_hint="NEWNAME")
    if name is not None and "/" in name:
        raise typer.BadParameter("is a path: give its folder as --folder", param_hint="NEWNAME")
    run(
        url,
        lambda session: move(session, file_id, name, folder, json_lines=json_lines),
        json_lines=json_lines,
    )


@app.command(rich_help_panel=PANEL)
def restore(
    ids: FileIds,
    *,
    json_lines: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    url: Url = None,
) -> None:
    """Restore files from the trash."""
    from cli.client.choice import read_ids
    from cli.client.exit_codes import run
    from cli.client.files import restore

    chosen = read_ids(ids)
    run(url, lambda session: restore(session, chosen, json_lines=json_lines), json_lines=json_lines)
