"""`waybill watch`: print changes of files as they happen."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from cli.client.exit_codes import DONE, FAILED
from cli.client.output import file_line, to_json
from cli.client.session import TRANSFER_RETRY_SECONDS, Session
from cli.client.verbosity import print_message
from waybill.client import File


async def watch(session: Session, ids: Sequence[str], *, json_lines: bool) -> int:
    """Print each change of the owner's files, or of some files until all have ended; return the exit code."""
    wanted = dict.fromkeys(ids)
    last: dict[str, File] = {}

    def print_change(file: File) -> None:
        if last.get(file.id) != file:
            print(to_json(file.raw) if json_lines else file_line(file), flush=True)
        last[file.id] = file

    def have_ended() -> bool:
        return bool(ids) and all(file_id in last and last[file_id].is_over for file_id in ids)

    async with (
        session.client(retry_seconds=TRANSFER_RETRY_SECONDS) as client,
        aclosing(client.events()) as events,
    ):
        async for event in events:
            if event.file is not None:
                if not ids or event.file.id in wanted:
                    print_change(event.file)
            else:
                for file in await asyncio.gather(*map(client.get, ids)):
                    print_change(file)
                if not ids:
                    print_message(f"watching {session.url}; Ctrl-C stops")
            if have_ended():
                break
    return DONE if all(last[file_id].is_verified for file_id in ids) else FAILED
