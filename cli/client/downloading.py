"""`waybill get`: files to where they are wanted, or one to stdout."""

import asyncio
import os
import sys
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from cli.client.asking import show_each
from cli.client.board import Board
from cli.client.choice import Choice
from cli.client.exits import DONE, code_of, code_of_all
from cli.client.lines import about, result
from cli.client.session import LONG, Session
from cli.client.verbosity import VERBOSITY
from cli.client.words import printable, size_in_words
from waybill.client import (
    AsyncClient,
    ClientError,
    File,
    FileNotFound,
    Forbidden,
    Status,
    Unauthenticated,
    Unreachable,
)
from waybill.client.local_name import local_name
from waybill.client.together import together

INTERRUPTED = "Stopped. What was received is kept: run the same command again to continue."


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to download."""

    output: str
    force: bool
    parallel: int
    json_lines: bool
    max_rate: int | None = None
    dry_run: bool = False
    #: The folder that is downloaded with its tree; None if single files are.
    root: str | None = None


async def download(session: Session, choice: Choice, wishes: Wishes) -> int:
    """Write files into a folder, or one to a file; return the exit code."""
    # An id that is named twice is one download.
    ids = list(dict.fromkeys(await _chosen(session, choice) if choice.ids is None else choice.ids))
    if wishes.root is not None and not ids:
        # A folder exists while a file is in it, so this is most likely a wrong name.
        raise FileNotFound(
            f"No file to download is in {wishes.root or '/'}.", code="file_not_found", status=404
        )
    if wishes.dry_run:
        return await show_each(session, ids, "would_download", json_lines=wishes.json_lines)
    board = Board(len(ids), verb="receiving")
    codes: list[int] = []
    waiting = iter(ids)
    with board.shown():
        async with session.client(
            patience=LONG, parallel=wishes.parallel, max_rate=wishes.max_rate, observer=board
        ) as client:

            async def work() -> None:
                for file_id in waiting:
                    codes.append(await _one(client, file_id, wishes, board))

            await together([work() for _ in range(min(len(ids), wishes.parallel))])
    board.summarise({"downloaded": codes.count(DONE), "failed": len(codes) - codes.count(DONE)})
    return code_of_all(codes)


async def _chosen(session: Session, choice: Choice) -> list[str]:
    """The ids of the files that the filters admit and that can be downloaded."""
    if not choice.filters.get("status"):
        choice.filters["status"] = (Status.COMPLETED, Status.DUPLICATE)
    async with session.client() as client, aclosing(choice.files(client)) as files:
        return [file.id async for file in files]


async def show(session: Session, file_id: str, max_rate: int | None = None) -> int:
    """Write the bytes of a file to stdout; the exit code, which alone tells whether all of it was right."""
    async with (
        session.client(patience=LONG, max_rate=max_rate) as client,
        aclosing(client.content(file_id)) as content,
    ):
        async for chunk in content:
            try:
                await asyncio.to_thread(sys.stdout.buffer.write, chunk)
            except OSError as error:
                error.filename = "standard output"
                raise
    return DONE


async def _one(client: AsyncClient, file_id: str, wishes: Wishes, board: Board) -> int:
    """Write a file and say where; the exit code for it. Raises where no other file would fare better."""
    try:
        file = await client.get(file_id)
        board.expect(file.size)
        with board.file(file.name, file.size) as bar:
            target = wishes.output if wishes.root is None else _tree_folder(wishes.output, wishes.root, file)
            path = await client.download(file, target, progress=bar.moving, overwrite=wishes.force)
    except (Unauthenticated, Forbidden, Unreachable):
        raise
    except (ClientError, OSError) as error:
        if isinstance(error, FileExistsError):
            error.add_note(
                "Save it under another name with -o" + (", or add --force." if not wishes.force else ".")
            )
        board.say(about(file_id, error))
        if wishes.json_lines:
            board.print(result("failed", file_id=file_id, error=error))
        return code_of(error)
    name, saved = file.name, path.name
    if wishes.root is not None:
        name = "/".join([*_segments(wishes.root, file), file.name])
        saved = path.relative_to(wishes.output).as_posix()
    if path != Path(wishes.output) and name != saved:
        board.say(f"{name} is saved as {saved}: its own name is hidden, too long or not safe here.")
    if wishes.json_lines:
        board.print(result("downloaded", file_id=file_id, path=str(path), file=file))
    elif not VERBOSITY.quiet:
        board.print(f"{file_id}  {size_in_words(file.size):>9}  {printable(str(path))}")
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
