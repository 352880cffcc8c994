"""The commands of the client. Each imports its code when it runs, so that the program starts quickly."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.client.filter_options import with_filters
from cli.client.options import (
    Bandwidth,
    DryRun,
    Exclude,
    FileId,
    Force,
    Include,
    Json,
    ListedFolder,
    NewContentType,
    NewFolder,
    NewMetadata,
    NewName,
    Output,
    Parallel,
    Paths,
    Quiet,
    SomeIds,
    Url,
    Verbose,
    WatchedIds,
)

if TYPE_CHECKING:
    from cli.client.choice import Choice

app = typer.Typer()

PANEL = "Files, on any server"


@app.command(rich_help_panel=PANEL)
def upload(
    paths: Paths,
    *,
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive",
            "-r",
            help="Upload the files in folders, at any depth. Their paths are stored: photos/2026/a.jpg.",
        ),
    ] = False,
    name: NewName = None,
    folder: NewFolder = None,
    metadata: NewMetadata = None,
    content_type: NewContentType = None,
    multipart: Annotated[
        bool | None,
        typer.Option(
            help="Upload in parts, or in one request. (default: in parts if larger than 64 MiB)",
            show_default=False,
        ),
    ] = None,
    parallel: Parallel = 4,
    wait: Annotated[bool, typer.Option(help="Wait until the server has verified each file.")] = True,
    include: Include = None,
    exclude: Exclude = None,
    bwlimit: Bandwidth = None,
    dry_run: DryRun = False,
    json_lines: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    url: Url = None,
) -> None:
    """Upload files.

    Content that is already stored is not sent again. A stopped upload continues where it stopped.
    """
    from cli.client.formatting import as_text
    from cli.client.local_files import is_missing
    from cli.client.piped import has_no_name, is_pipe

    folders = [path for path in paths if os.path.isdir(path)]
    if folders and not recursive:
        raise typer.BadParameter(f"{folders[0]} is a folder: add --recursive", param_hint="PATHS")
    nameless = [path for path in paths if name is None and has_no_name(path)]
    if nameless:
        raise typer.BadParameter(f"{nameless[0]} has no name: add --name", param_hint="PATHS")
    if all(is_missing(path) and not is_pipe(path) for path in paths):
        raise typer.BadParameter(as_text(f"no such file: {', '.join(map(str, paths))}"), param_hint="PATHS")
    if name is not None and (folders or len(paths) > 1):
        raise typer.BadParameter("--name needs exactly one file", param_hint="--name")
    from cli.client.choice import Patterns, read_metadata, read_rate
    from cli.client.exit_codes import run
    from cli.client.uploading import INTERRUPTED, UploadOptions, upload

    options = UploadOptions(
        *(
            name,
            folder or "",
            read_metadata(metadata),
            content_type,
            multipart,
            parallel,
            wait,
            json_lines,
            read_rate(bwlimit),
            dry_run,
        ),
        Patterns(include or (), exclude or ()),
    )
    run(
        url,
        lambda session: upload(session, paths, options),
        interrupted=INTERRUPTED,
        json_lines=json_lines,
    )


@app.command(rich_help_panel=PANEL)
@with_filters
def get(
    ids: SomeIds = None,
    output: Output = ".",
    *,
    recursive: Annotated[
        bool,
        typer.Option("--recursive", "-r", help="ID is a folder: download its files, with their paths."),
    ] = False,
    force: Force = False,
    choice: "Choice",
    parallel: Parallel = 4,
    bwlimit: Bandwidth = None,
    dry_run: DryRun = False,
    json_lines: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    url: Url = None,
) -> None:
    """Download files by id, all files that match the filters, or a folder with its content.

    Each file is checked against its SHA-256. A stopped download continues where it stopped.
    """
    from cli.client.choice import choose, read_rate
    from cli.client.downloading import INTERRUPTED, DownloadOptions, download, print_content
    from cli.client.exit_codes import run

    choice = choose(ids, choice, recursive=recursive)
    root = choice.filters.get("folder")
    only_id = choice.ids[0] if choice.ids is not None and len(choice.ids) == 1 else None
    if root is not None and output == "-":
        raise typer.BadParameter("a folder needs a folder, not standard output", param_hint="--output")
    if only_id is None and root is None and not output.endswith("/") and not Path(output).is_dir():
        raise typer.BadParameter(
            "several files need a folder: end its name with / to create one", param_hint="--output"
        )
    rate = read_rate(bwlimit)
    if output in {"-", "/dev/stdout"} and only_id is not None and not dry_run:
        run(url, lambda session: print_content(session, only_id, rate))
    options = DownloadOptions(output, force, parallel, json_lines, rate, dry_run, root)
    run(
        url,
        lambda session: download(session, choice, options),
        interrupted=INTERRUPTED,
        json_lines=json_lines,
    )


@app.command(rich_help_panel=PANEL)
@with_filters
def ls(
    folder: ListedFolder = None,
    *,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="List the folders in this folder too.")
    ] = False,
    choice: "Choice",
    trash: Annotated[
        bool, typer.Option("--trash", help="List deleted files that can still be restored.")
    ] = False,
    sort: Annotated[
        Literal["createdAt", "name", "size"] | None, typer.Option(help="Sort by this field.")
    ] = None,
    order: Annotated[
        Literal["asc", "desc"] | None,
        typer.Option(
            help="Sort order. (default: asc for names, desc for times and sizes)", show_default=False
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", help="List at most this many files. (default: all)", min=1),
    ] = None,
    json_lines: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    url: Url = None,
) -> None:
    """List files, newest first: all, or those of a folder."""
    from cli.client.exit_codes import run
    from cli.client.files import list_files

    choice.filters.update({"deleted": trash, "sort": sort, "order": order})
    if folder is not None:
        choice.filters.update({"folder": folder, "recursive": recursive})
    run(url, lambda session: list_files(session, choice, limit, json_lines=json_lines), json_lines=json_lines)


@app.command(rich_help_panel=PANEL)
def info(file_id: FileId, json_lines: Json = False, url: Url = None) -> None:
    """Show the details of a file. Deleted files are shown too."""
    from cli.client.exit_codes import run
    from cli.client.files import show_file

    run(url, lambda session: show_file(session, file_id, json_lines=json_lines), json_lines=json_lines)


@app.command(rich_help_panel=PANEL)
def watch(
    ids: WatchedIds = None,
    json_lines: Json = False,
    url: Url = None,
) -> None:
    """Print changes of files as they happen, until Ctrl-C."""
    from cli.client.exit_codes import run
    from cli.client.watching import watch

    run(url, lambda session: watch(session, ids or (), json_lines=json_lines), json_lines=json_lines)
