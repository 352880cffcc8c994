"""`waybill get`: download files into a folder, or one file to stdout."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from cli.client.choice import Choice
from cli.client.exit_codes import DONE, code_of, code_of_all
from cli.client.files import print_plan
from cli.client.formatting import format_size, printable
from cli.client.output import message_about, result_json
from cli.client.progress import TransferProgress
from cli.client.session import TRANSFER_RETRY_SECONDS, Session
from cli.client.verbosity import VERBOSITY
from waybill.client import (
    AsyncClient,
    ClientError,
    File,
    FileNotFound,
    Status,
)
from waybill.client.errors import FATAL
from waybill.client.local_name import local_name
from waybill.client.tasks import run_all

#: Files in progress for each parallel transfer: others are requested, hashed or synced to disk meanwhile.
FILES_PER_TRANSFER = 4

INTERRUPTED = "Stopped. The received bytes stay on disk: run the same command again to continue."


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """The options of a download."""

    output: str
    force: bool
    parallel: int
    json_lines: bool
    max_rate: int | None = None
    dry_run: bool = False
    #: The folder that is downloaded with its tree; None if single files are.
    root: str | None = None


async def download(session: Session, choice: Choice, options: DownloadOptions) -> int:
    """Write files into a folder, or one to a file; return the exit code."""
    # Download each id once.
    files: Sequence[File | str]
    files = await _find_files(session, choice) if choice.ids is None else list(dict.fromkeys(choice.ids))
    if options.root is not None and not files:
        # A folder exists while a file is in it, so this is most likely a wrong name.
        raise FileNotFound(
            f"No file to download is in {options.root or '/'}.", code="file_not_found", status=404
        )
    if options.dry_run:
        ids = [_id_of(file) for file in files]
        return await print_plan(session, ids, "would_download", json_lines=options.json_lines)
    progress = TransferProgress(len(files), verb="receiving")
    codes: list[int] = []
    pending = iter(files)
    with progress.shown():
        async with session.client(
            retry_seconds=TRANSFER_RETRY_SECONDS,
            parallel=options.parallel,
            max_rate=options.max_rate,
            observer=progress,
        ) as client:

            async def work() -> None:
                for file in pending:
                    codes.append(await _download_one(client, file, options, progress))

            await run_all([work() for _ in range(min(len(files), FILES_PER_TRANSFER * options.parallel))])
    progress.summarise({"downloaded": codes.count(DONE), "failed": len(codes) - codes.count(DONE)})
    return code_of_all(codes)


async def _find_files(session: Session, choice: Choice) -> list[File]:
    """Return the files that match the filters and can be downloaded."""
    if not choice.filters.get("status"):
        choice.filters["status"] = (Status.COMPLETED, Status.DUPLICATE)
    async with session.client() as client, aclosing(choice.files(client)) as files:
        # A file that changes while the list is read may be in it twice.
        return list({file.id: file async for file in files}.values())


def _id_of(file: File | str) -> str:
    return file if isinstance(file, str) else file.id


async def print_content(session: Session, file_id: str, max_rate: int | None = None) -> int:
    """Write the bytes of a file to stdout; return the exit code.

    Only the exit code shows whether the content was complete and correct.
    """
    async with (
        session.client(retry_seconds=TRANSFER_RETRY_SECONDS, max_rate=max_rate) as client,
        aclosing(client.content(file_id)) as content,
    ):
        async for chunk in content:
            try:
                await asyncio.to_thread(sys.stdout.buffer.write, chunk)
            except OSError as error:
                error.filename = "standard output"
                raise
    return DONE


async def _download_one(
    client: AsyncClient, chosen: File | str, options: DownloadOptions, progress: TransferProgress
) -> int:
    """Download a file, given by itself or its id, and print its path; return its exit code.

    Raises:
        Unauthenticated, Forbidden, Unreachable: every other file would fail too.
    """
    file_id = _id_of(chosen)
    try:
        file = await client.get(chosen) if isinstance(chosen, str) else chosen
        progress.expect(file.size)
        with progress.file(file.name, file.size) as bar:
            target = (
                options.output if options.root is None else _tree_folder(options.output, options.root, file)
            )
            path = await client.download(file, target, progress=bar.moving, overwrite=options.force)
    except FATAL:
        raise
    except (ClientError, OSError) as error:
        if isinstance(error, FileExistsError):
            error.add_note(
                "Save it under another name with -o" + (", or add --force." if not options.force else ".")
            )
        progress.print_message(message_about(file_id, error))
        if options.json_lines:
            progress.print(result_json("failed", file_id=file_id, error=error))
        return code_of(error)
    name, saved = file.name, path.name
    if options.root is not None:
        name = "/".join([*_segments(options.root, file), file.name])
        saved = path.relative_to(options.output).as_posix()
    if path != Path(options.output) and name != saved:
        progress.print_message(
            f"{name} is saved as {saved}, because its own name is hidden, too long or unsafe here."
        )
    if options.json_lines:
        progress.print(result_json("downloaded", file_id=file_id, path=str(path), file=file))
    elif not VERBOSITY.quiet:
        progress.print(f"{file_id}  {format_size(file.size):>9}  {printable(str(path))}")
    return DONE


def _segments(root: str, file: File) -> list[str]:
    """Return the folders of a file from the name of ``root`` on: what is above it is left out."""
    above = root[: root.removesuffix("/").rfind("/") + 1]
    return file.folder.removeprefix(above).split("/")[:-1]


def _tree_folder(output: str, root: str, file: File) -> str:
    """Return where to save a file of a tree. Its folders are made safe as names of files are.

    Raises:
        OSError: a link leads out of ``output``.
    """
    folder = Path(output, *(local_name(segment, fallback="_") for segment in _segments(root, file)))
    if not Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(output)):
        raise OSError(f"{folder} is a link that leads out of {output}. Remove the link.")
    return f"{folder}{os.sep}"
