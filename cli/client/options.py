"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from cli.client.verbosity import VERBOSITY
from waybill.files.lifecycle import Status


def _complete_id(incomplete: str) -> list[tuple[str, str]]:
    """Return ids for the shell's completion."""
    from cli.client.completion import newest_ids

    return newest_ids(incomplete)


def _text(text: str) -> str:
    """Return a text for the server, or reject it: the shell passes bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("is not UTF-8") from None
    return text


def _folder(text: str) -> str:
    """Return a folder of the server, or reject it."""
    from cli.client.choice import read_folder

    return read_folder(_text(text))


Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="WAYBILL_URL",
        parser=_text,
        metavar="<str>",
        help="The server's address. (default: your latest login, else the embedded stack of this folder)",
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object per line on standard output, and nothing else.")
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        callback=VERBOSITY.set_quiet,
        help="Print only errors; upload and ls also print ids, one per line.",
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", callback=VERBOSITY.set_verbose, help="Print each request on standard error."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")]
Parallel = Annotated[
    int, typer.Option(help="How many requests transfer data at the same time.", min=1, max=64)
]
Bandwidth = Annotated[
    str | None,
    typer.Option(help="Transfer at most this many bytes per second: 500k, 10M. (default: no limit)"),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite local files that have other content.")]
Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        help="A folder (a new one with / at its end), or for one file its name, or - for stdout.",
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(help="Only files whose name matches this pattern, such as '*.jpg'. Can be repeated."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(help="No files whose name matches this pattern. Can be repeated."),
]
FileId = Annotated[str, typer.Argument(help="The id of the file.", metavar="ID", autocompletion=_complete_id)]
FileIds = Annotated[
    list[str],
    typer.Argument(
        help="The ids of the files, or - to read them from standard input.",
        metavar="ID",
        autocompletion=_complete_id,
    ),
]
SomeIds = Annotated[
    list[str] | None,
    typer.Argument(
        help="The ids of the files, or - to read them from standard input. Without ids: use the filters.",
        metavar="ID",
        autocompletion=_complete_id,
    ),
]
WatchedIds = Annotated[
    list[str] | None,
    typer.Argument(
        help="Watch only these files, and stop when all are done.",
        metavar="ID",
        autocompletion=_complete_id,
    ),
]
Paths = Annotated[
    list[Path],
    typer.Argument(help="Files to upload, or - for standard input; with --recursive also folders."),
]
Name = Annotated[
    str | None,
    typer.Option(help="Only names that start with this text.", parser=_text, metavar="<str>"),
]
NewName = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="The name to store one file under. (default: its own name)",
        parser=_text,
        metavar="<str>",
    ),
]
NewFolder = Annotated[
    str | None,
    typer.Option(
        "--folder",
        help="The folder to store in, such as photos/2026/. (default: the top)",
        parser=_folder,
        metavar="<str>",
        show_default=False,
    ),
]
NewMetadata = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata",
        help="A pair to store with each file: key=value. Can be repeated.",
        parser=_text,
        metavar="<str>",
    ),
]
MovedId = Annotated[
    str,
    typer.Argument(
        help="The id of the file, or a folder with a slash at its end.",
        parser=_text,
        metavar="ID",
        autocompletion=_complete_id,
    ),
]
MovedName = Annotated[
    str | None,
    typer.Argument(
        help="The new name; without it, the file keeps its name. Of a folder the new path, with a slash at"
        " its end; / is the top.",
        parser=_text,
        metavar="NEWNAME",
        show_default=False,
    ),
]
MovedFolder = Annotated[
    str | None,
    typer.Option(
        "--folder",
        help="The new folder, such as photos/2026/, or / for the top.",
        parser=_folder,
        metavar="<str>",
        show_default=False,
    ),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option(
        help="Only files with this pair: key=value. Can be repeated: all must match.",
        parser=_text,
        metavar="<str>",
    ),
]
ListedFolder = Annotated[
    str | None,
    typer.Argument(
        help="List the files of this folder, / for the top. Without it: all files.",
        parser=_folder,
        metavar="FOLDER",
        show_default=False,
    ),
]
Statuses = Annotated[
    list[Status] | None,
    typer.Option("--status", help="Only files with this status. Can be repeated.", case_sensitive=False),
]
ContentType = Annotated[
    str | None,
    typer.Option(
        help="Only files of this media type, such as image/png or image/*.", parser=_text, metavar="<str>"
    ),
]
NewContentType = Annotated[
    str | None,
    typer.Option(
        "--content-type",
        help="The media type. (default: from the file name extension)",
        parser=_text,
        metavar="<str>",
    ),
]
After = Annotated[
    str | None,
    typer.Option(
        help="Only files created at or after this time: 2026-11-23, 2026-11-23T14:28Z, 12h or 7d ago."
    ),
]
Before = Annotated[str | None, typer.Option(help="Only files created before this time.")]
MinSize = Annotated[str | None, typer.Option(help="Only files of at least this size: 500, 10k, 1.5GiB.")]
MaxSize = Annotated[str | None, typer.Option(help="Only files of at most this size.")]
