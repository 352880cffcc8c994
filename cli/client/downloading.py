"""`waybill get`: files to where they are wanted, or one to stdout."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from cli.client.board import Board
from cli.client.exits import DONE, code_of, code_of_all, words_of
from cli.client.lines import as_json, error_as_json
from cli.client.session import LONG, Session
from cli.client.words import printable, size_in_words
from waybill.client import AsyncClient, ClientError, Forbidden, Unauthenticated, Unreachable
from waybill.client.together import together

INTERRUPTED = "Stopped. What has come is kept: the same command goes on from there."


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to download."""

    output: Path
    parallel: int
    json_lines: bool


async def download(session: Session, ids: Sequence[str], wishes: Wishes) -> int:
    """Write files into a folder, or one to a file; the exit code."""
    board = Board(len(ids), verb="receiving")
    codes: list[int] = []
    waiting = iter(ids)
    with board.shown():
        async with session.client(patience=LONG, parallel=wishes.parallel, observer=board) as client:

            async def work() -> None:
                for file_id in waiting:
                    codes.append(await _one(client, file_id, wishes, board))

            await together([work() for _ in range(min(len(ids), wishes.parallel))])
    return code_of_all(codes)


async def show(session: Session, file_id: str) -> int:
    """Write the bytes of a file to stdout; the exit code, which alone tells whether all of it was right."""
    async with (
        session.client(patience=LONG) as client,
        aclosing(client.content(file_id)) as content,
    ):
        async for chunk in content:
            await asyncio.to_thread(sys.stdout.buffer.write, chunk)
    return DONE


async def _one(client: AsyncClient, file_id: str, wishes: Wishes, board: Board) -> int:
    """Write a file and say where; the exit code for it. Raises where no other file would fare better."""
    try:
        file = await client.get(file_id)
        board.expect(file.size)
        with board.file(file.name, file.size) as bar:
            path = await client.download(file_id, wishes.output, progress=bar.moving)
    except (Unauthenticated, Forbidden, Unreachable):
        raise
    except (ClientError, OSError) as error:
        board.say(f"{printable(file_id)}: {words_of(error)}")
        if wishes.json_lines:
            board.print(as_json({"id": file_id, "path": None, "error": error_as_json(error)}))
        return code_of(error)
    if wishes.json_lines:
        board.print(as_json({"id": file_id, "path": str(path), "error": None}))
    else:
        board.print(f"{file_id}  {size_in_words(file.size):>9}  {printable(str(path))}")
    return DONE
