"""The commands of the client and their options. Each imports its code when it runs, to start quickly."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from waybill.lifecycle import Status

app = typer.Typer()

PANEL = "Files, on any server"

T = TypeVar("T")

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="WAYBILL_URL",
        help="The server's address. (default: your latest login, else the embedded stack of this folder)",
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object per line on standard output, and nothing else.")
]
Parallel = Annotated[
    int, typer.Option(help="How many requests transfer data at the same time.", min=1, max=64)
]


def _complete_id(incomplete: str) -> list[tuple[str, str]]:
    """Return ids for the shell's completion."""
    from cli.client.completion import newest_ids

    return newest_ids(incomplete)


FileId = Annotated[str, typer.Argument(help="The id of the file.", metavar="ID", autocompletion=_complete_id)]
FileIds = Annotated[
    list[str], typer.Argument(help="The ids of the files.", metavar="ID...", autocompletion=_complete_id)
]


@app.command(rich_help_panel=PANEL)
def upload(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files to upload; with --recursive also folders.", exists=True, readable=True),
    ],
    *,
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive",
            "-r",
            help="Upload files in folders, at any depth, by their base names: Waybill has no folders.",
        ),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="The name to store one file under. (default: its own name)")
    ] = None,
    content_type: Annotated[
        str | None, typer.Option(help="The media type. (default: from the file name extension)")
    ] = None,
    multipart: Annotated[
        bool | None,
        typer.Option(
            help="Upload in parts, or in one request. (default: in parts if larger than 64 MiB)",
            show_default=False,
        ),
    ] = None,
    parallel: Parallel = 4,
    wait: Annotated[bool, typer.Option(help="Wait until the server has verified each file.")] = True,
    json_lines: Json = False,
    url: Url = None,
) -> None:
    """Upload files.

    Content that is already stored is not sent again, and a stopped upload continues where it stopped.
    """
    folders = [path for path in paths if path.is_dir()]
    if folders and not recursive:
        raise typer.BadParameter(f"{folders[0]} is a folder: add --recursive", param_hint="PATHS")
    if name is not None and (folders or len(paths) > 1):
        raise typer.BadParameter("only one file can have this name: name one file", param_hint="--name")
    from cli.client.exits import run
    from cli.client.uploading import INTERRUPTED, Wishes, upload

    wishes = Wishes(name, content_type, multipart, parallel, wait, json_lines)
    run(url, lambda session: upload(session, paths, wishes), interrupted=INTERRUPTED)


@app.command(rich_help_panel=PANEL)
def get(
    ids: FileIds,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder, or for one file its name, or - for stdout.")
    ] = Path(),
    parallel: Parallel = 4,
    json_lines: Json = False,
    url: Url = None,
) -> None:
    """Download files, each checked against its SHA-256. What was stopped goes on where it stopped."""
    if len(ids) > 1 and not output.is_dir():
        raise typer.BadParameter("several files want a folder that is there", param_hint="--output")
    from cli.client.downloading import INTERRUPTED, Wishes, download, show
    from cli.client.exits import run

    if output == Path("-"):
        run(url, lambda session: show(session, ids[0]))
    wishes = Wishes(output, parallel, json_lines)
    run(url, lambda session: download(session, ids, wishes), interrupted=INTERRUPTED)


@app.command(rich_help_panel=PANEL)
def ls(
    *,
    name: Annotated[str | None, typer.Option(help="Only names that start with this text.")] = None,
    status: Annotated[
        list[Status] | None,
        typer.Option(help="Only files with this status. Can be repeated.", case_sensitive=False),
    ] = None,
    content_type: Annotated[
        str | None, typer.Option(help="Only files of this media type, such as image/png or image/*.")
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            help="Only files created at this time or later: 2026-11-23, 2026-11-23T14:28Z, or 12h or 7d ago."
        ),
    ] = None,
    before: Annotated[str | None, typer.Option(help="Only files created before this time.")] = None,
    min_size: Annotated[
        str | None, typer.Option(help="Only files of at least this size: 500, 10k, 1.5GiB.")
    ] = None,
    max_size: Annotated[str | None, typer.Option(help="Only files of at most this size.")] = None,
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
        int | None, typer.Option("--limit", "-n", help="List at most this many files. (default: all)", min=1)
    ] = None,
    json_lines: Json = False,
    url: Url = None,
) -> None:
    """List files, newest first."""
    from cli.client.asking import Filters, list_files
    from cli.client.exits import run
    from cli.client.words import parse_size, parse_time

    filters = Filters(
        name=name,
        status=status or (),
        content_type=content_type,
        created_after=_parsed(parse_time, after, "--after"),
        created_before=_parsed(parse_time, before, "--before"),
        min_size=_parsed(parse_size, min_size, "--min-size"),
        max_size=_parsed(parse_size, max_size, "--max-size"),
        deleted=trash,
        sort=sort,
        order=order,
    )
    run(url, lambda session: list_files(session, filters, limit, json_lines=json_lines))


@app.command(rich_help_panel=PANEL)
def info(file_id: FileId, json_lines: Json = False, url: Url = None) -> None:
    """Show the details of a file. Deleted files are shown too."""
    from cli.client.asking import show_file
    from cli.client.exits import run

    run(url, lambda session: show_file(session, file_id, json_lines=json_lines))


@app.command(rich_help_panel=PANEL)
def rm(ids: FileIds, json_lines: Json = False, url: Url = None) -> None:
    """Delete files. If the server keeps a trash, they can be restored for some time."""
    from cli.client.asking import remove
    from cli.client.exits import run

    run(url, lambda session: remove(session, ids, json_lines=json_lines))


@app.command(rich_help_panel=PANEL)
def restore(ids: FileIds, json_lines: Json = False, url: Url = None) -> None:
    """Take files out of the trash."""
    from cli.client.asking import restore
    from cli.client.exits import run

    run(url, lambda session: restore(session, ids, json_lines=json_lines))


@app.command(rich_help_panel=PANEL)
def usage(json_lines: Json = False, url: Url = None) -> None:
    """Show the space that your files use, and the limit."""
    from cli.client.asking import show_usage
    from cli.client.exits import run

    run(url, lambda session: show_usage(session, json_lines=json_lines))


@app.command(rich_help_panel=PANEL)
def watch(
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            help="Watch only these files, and stop when all are done.",
            metavar="[ID...]",
            autocompletion=_complete_id,
        ),
    ] = None,
    json_lines: Json = False,
    url: Url = None,
) -> None:
    """Print changes of files as they happen, until Ctrl-C."""
    from cli.client.exits import run
    from cli.client.watching import watch

    run(url, lambda session: watch(session, ids or (), json_lines=json_lines))


@app.command(rich_help_panel=PANEL)
def login(
    url: Url = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="The token, or - to read it from standard input. Not recommended on the command line: other"
            " users can see it. Without this option you are asked for it."
        ),
    ] = None,
    *,
    list_all: Annotated[
        bool, typer.Option("--list", help="List the servers at which you are signed in, and do nothing else.")
    ] = False,
    json_lines: Json = False,
) -> None:
    """Sign in to a server. The token is stored for you alone, and this server is used from now on."""
    from cli.client.exits import run_alone
    from cli.client.signing_in import list_logins, sign_in

    run_alone(list_logins(json_lines=json_lines) if list_all else sign_in(url, token))


@app.command(rich_help_panel=PANEL)
def logout(url: Url = None) -> None:
    """Sign out of a server: remove its token from this machine. The token stays valid until it expires."""
    from cli.client.exits import run_alone
    from cli.client.signing_in import sign_out

    run_alone(sign_out(url))


def _parsed(parse: Callable[[str], T], text: str | None, option: str) -> T | None:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
