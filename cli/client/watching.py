"""`waybill watch`: changes as they happen."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from cli.client.exits import DONE, FAILED
from cli.client.lines import as_json, line_of
from cli.client.session import LONG, Session
from cli.client.verbosity import complain
from waybill.client import File


async def watch(session: Session, ids: Sequence[str], *, json_lines: bool) -> int:
    """Print files as changes leave them: all of the owner's, or some until they are over; the exit code."""
    wanted = dict.fromkeys(ids)
    last: dict[str, File] = {}

    def tell(file: File) -> None:
        if last.get(file.id) != file:
            print(as_json(file.raw) if json_lines else line_of(file), flush=True)
        last[file.id] = file

    def are_over() -> bool:
        return bool(ids) and all(file_id in last and last[file_id].is_over for file_id in ids)

    async with session.client(patience=LONG) as client, aclosing(client.events()) as events:
        async for event in events:
            if event.file is not None:
                if not ids or event.file.id in wanted:
                    tell(event.file)
            else:
                for file in await asyncio.gather(*map(client.get, ids)):
                    tell(file)
                if not ids:
                    complain(f"watching {session.url}; Ctrl-C stops")
            if are_over():
                break
    return DONE if all(last[file_id].is_verified for file_id in ids) else FAILED
