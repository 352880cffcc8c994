"""The commands that change stored files: `waybill rm`, `mv` and `restore`. See `commands`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.client.commands import PANEL
from cli.client.filter_options import with_filters
from cli.client.options import (
    DryRun,
    FileIds,
    Json,
    MovedFolder,
    MovedId,
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
    recursive: Annotated[
        bool,
        typer.Option("--recursive", "-r", help="ID is a folder: delete it with all folders below it."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete files without asking.")] = False,
    dry_run: DryRun = False,
    json_lines: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    url: Url = None,
) -> None:
    """Delete files by id, all files that match the filters, or a folder with its content.

    If the server has a trash, deleted files can be restored for some time.
    """
    import sys

    from cli.client.choice import choose
    from cli.client.exit_codes import run
    from cli.client.files import remove
    from cli.client.folders import INTERRUPTED, remove_folder

    # A folder with filters too stands for the files of the folder that match.
    is_whole = recursive and not choice.is_filtered
    choice = choose(ids, choice, recursive=recursive)
    if not (choice.ids is not None or yes or dry_run or sys.stdin.isatty()):
        raise typer.BadParameter("standard input is not a terminal: add --yes or --dry-run", param_hint="rm")
    if is_whole and not dry_run:
        folder = choice.filters["folder"] or ""
        if not folder:
            raise typer.BadParameter("the top cannot be deleted: name a folder", param_hint="ID")
        run(
            url,
            lambda session: remove_folder(session, folder, yes=yes, json_lines=json_lines),
            interrupted=INTERRUPTED,
            json_lines=json_lines,
        )
    run(
        url,
        lambda session: remove(session, choice, yes=yes, dry_run=dry_run, json_lines=json_lines),
        json_lines=json_lines,
    )


@app.command(rich_help_panel=PANEL)
def mv(
    file_id: MovedId,
    name: MovedName = None,
    *,
    folder: MovedFolder = None,
    json_lines: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    url: Url = None,
) -> None:
    """Rename a file, move it to another folder, or move a folder. Nothing is sent again."""
    from cli.client.choice import read_folder
    from cli.client.exit_codes import run
    from cli.client.files import move
    from cli.client.folders import INTERRUPTED, move_folder

    if file_id.endswith("/"):
        source = read_folder(file_id)
        if not source:
            raise typer.BadParameter("the top cannot be moved: name a folder", param_hint="ID")
        if name is None or not name.endswith("/") or folder is not None:
            raise typer.BadParameter(
                "a folder needs its new path, with a slash at its end: archive/photos/", param_hint="NEWNAME"
            )
        to = read_folder(name)
        run(
            url,
            lambda session: move_folder(session, source, to, json_lines=json_lines),
            interrupted=INTERRUPTED,
            json_lines=json_lines,
        )
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
