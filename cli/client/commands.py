"""The client's commands: their options, and which room does the work. Each imports it when it runs."""

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
        help="The server. (default: where you signed in last, else the embedded stack of this folder)",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout, and nothing else.")]
Parallel = Annotated[int, typer.Option(help="Requests that carry bytes at once.", min=1, max=64)]


def _complete_id(incomplete: str) -> list[tuple[str, str]]:
    """Ids for the shell."""
    from cli.client.completion import newest_ids

    return newest_ids(incomplete)


FileId = Annotated[str, typer.Argument(help="The file's id.", metavar="ID", autocompletion=_complete_id)]
FileIds = Annotated[
    list[str], typer.Argument(help="The files' ids.", metavar="ID...", autocompletion=_complete_id)
]


@app.command(rich_help_panel=PANEL)
def upload(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, and with --recursive folders.", exists=True, readable=True)
    ],
    *,
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive",
            "-r",
            help="What is in folders too. A file's name is its base name, for Waybill knows no folders.",
        ),
    ] = False,
    name: Annotated[str | None, typer.Option(help="The name to give it. (default: the file's own)")] = None,
    content_type: Annotated[
        str | None, typer.Option(help="The media type. (default: by the name's ending)")
    ] = None,
    multipart: Annotated[
        bool | None,
        typer.Option(help="In parts or by one PUT. (default: in parts over 64 MiB)", show_default=False),
    ] = None,
    parallel: Parallel = 4,
    wait: Annotated[bool, typer.Option(help="Wait until each is verified.")] = True,
    json_lines: Json = False,
    url: Url = None,
) -> None:
    """Upload files. What is stored already is not sent, and what was stopped goes on where it stopped."""
    folders = [path for path in paths if path.is_dir()]
    if folders and not recursive:
        raise typer.BadParameter(f"{folders[0]} is a folder: add --recursive", param_hint="PATHS")
    if name is not None and (folders or len(paths) > 1):
        raise typer.BadParameter("one name is for one file", param_hint="--name")
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
    name: Annotated[str | None, typer.Option(help="Only names that begin with this.")] = None,
    status: Annotated[
        list[Status] | None, typer.Option(help="Only this status; repeat for several.", case_sensitive=False)
    ] = None,
    content_type: Annotated[
        str | None, typer.Option(help="Only this media type: image/png, image/*.")
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(help="Only made then or later: 2026-11-23, 2026-11-23T14:28Z, 12h or 7d ago."),
    ] = None,
    before: Annotated[str | None, typer.Option(help="Only made before.")] = None,
    min_size: Annotated[str | None, typer.Option(help="Only of so much or more: 500, 10k, 1.5GiB.")] = None,
    max_size: Annotated[str | None, typer.Option(help="Only of so much or less.")] = None,
    trash: Annotated[bool, typer.Option("--trash", help="What is deleted and can be restored.")] = False,
    sort: Annotated[Literal["createdAt", "name", "size"] | None, typer.Option(help="By what.")] = None,
    order: Annotated[
        Literal["asc", "desc"] | None,
        typer.Option(help="(default: asc for names, desc for times and sizes)", show_default=False),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", help="Stop after so many. (default: list all)", min=1)
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
    """Tell all that is known of a file, deleted ones included."""
    from cli.client.asking import show_file
    from cli.client.exits import run

    run(url, lambda session: show_file(session, file_id, json_lines=json_lines))


@app.command(rich_help_panel=PANEL)
def rm(ids: FileIds, json_lines: Json = False, url: Url = None) -> None:
    """Delete files. Where the server has a trash they can be restored for a while."""
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
    """Tell what your files take, and may take."""
    from cli.client.asking import show_usage
    from cli.client.exits import run

    run(url, lambda session: show_usage(session, json_lines=json_lines))


@app.command(rich_help_panel=PANEL)
def watch(
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            help="Only these, until they are over.", metavar="[ID...]", autocompletion=_complete_id
        ),
    ] = None,
    json_lines: Json = False,
    url: Url = None,
) -> None:
    """Tell changes of files as they happen, until Ctrl-C."""
    from cli.client.exits import run
    from cli.client.watching import watch

    run(url, lambda session: watch(session, ids or (), json_lines=json_lines))


@app.command(rich_help_panel=PANEL)
def login(
    url: Url = None,
    token: Annotated[
        str | None,
        typer.Option(help="Better left out: it is asked for, or read from stdin, where nobody can see it."),
    ] = None,
) -> None:
    """Sign in to a server: its token is kept, readable for you alone, and it is the one meant from now on."""
    from cli.client.exits import run_alone
    from cli.client.signing_in import sign_in

    run_alone(sign_in(url, token))


@app.command(rich_help_panel=PANEL)
def logout(url: Url = None) -> None:
    """Forget the token for a server. It stays good until it expires."""
    from cli.client.exits import run_alone
    from cli.client.signing_in import sign_out

    run_alone(sign_out(url))


def _parsed(parse: Callable[[str], T], text: str | None, option: str) -> T | None:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
