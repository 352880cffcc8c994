"""`waybill ls`, `info`, `usage`, `rm` and `restore`: commands that transfer no file content."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

import typer

from cli.client.choice import Choice
from cli.client.exit_codes import DONE, FAILED, code_of_all
from cli.client.formatting import format_file_count, format_size, format_time, printable
from cli.client.output import HEADER, file_line, print_failure, print_outcome, to_json
from cli.client.session import Session
from cli.client.verbosity import VERBOSITY, print_message
from waybill.client import AsyncClient, ClientError, File
from waybill.client.errors import FATAL

#: Requests that run at the same time.
MAX_PARALLEL_REQUESTS = 8


async def list_files(session: Session, choice: Choice, limit: int | None, *, json_lines: bool) -> int:
    """Print the files that match the filters, one per line, as pages arrive; return the exit code."""
    shown = size = 0
    async with session.client() as client, aclosing(choice.files(client)) as files:
        async for file in files:
            if json_lines:
                print(to_json(file.raw), flush=not shown % 100)
            elif VERBOSITY.quiet:
                print(printable(file.id), flush=not shown % 100)
            else:
                if not shown:
                    print(HEADER)
                print(file_line(file), flush=not shown % 100)
            shown += 1
            size += file.size
            # Stop before the next file is requested: if few files match, it can be many pages away.
            if shown == limit:
                break
    if not json_lines and not VERBOSITY.quiet:
        sys.stdout.flush()
        print_message(f"{format_file_count(shown)}, {format_size(size)}")
    return DONE


async def show_file(session: Session, file_id: str, *, json_lines: bool) -> int:
    """Print the details of a file; return the exit code."""
    async with session.client() as client:
        file = await client.get(file_id)
    if json_lines:
        print(to_json(file.raw))
        return DONE
    times = {"created": file.created_at, "completed": file.completed_at}
    times |= {"deleted": file.deleted_at, "purged": file.purged_at}
    facts = {
        "id": file.id,
        "name": file.name,
        "folder": file.folder or None,
        "metadata": " ".join(f"{key}={value}" for key, value in file.metadata.items()) or None,
        "size": f"{format_size(file.size)} ({file.size} bytes)",
        "type": file.content_type,
        "status": file.status,
        "reason": file.failure_reason,
        "same as": file.duplicate_of,
        "sha256": file.sha256,
        **{name: time and format_time(time) for name, time in times.items()},
    }
    for name, fact in facts.items():
        if fact is not None:
            print(printable(f"{name:<10} {fact}"))
    return DONE


async def show_usage(session: Session, *, json_lines: bool) -> int:
    """Print the space that the owner's files use; return the exit code."""
    async with session.client() as client:
        usage = await client.usage()
    if json_lines:
        print(
            to_json(
                {"used": usage.used, "reserved": usage.reserved, "limit": usage.limit, "files": usage.files}
            )
        )
        return DONE
    limit = "no limit" if usage.limit is None else f"of {format_size(usage.limit)}"
    print(printable(f"{format_size(usage.used)} in {usage.files} files, {limit}"))
    if usage.reserved:
        print(f"{format_size(usage.reserved)} reserved by uploads")
    return DONE


async def remove(session: Session, choice: Choice, *, yes: bool, dry_run: bool, json_lines: bool) -> int:
    """Delete files, and ask first if filters select them; return the exit code."""
    ids = choice.ids
    if ids is None:
        async with session.client() as client, aclosing(choice.files(client)) as files:
            chosen = [file async for file in files]
        ids = [file.id for file in chosen]
        if chosen and not yes and not dry_run:
            size = format_size(sum(file.size for file in chosen))
            if not typer.confirm(f"Delete {format_file_count(len(chosen))} ({size})?", err=True):
                print_message("Nothing was deleted.")
                return FAILED
    if dry_run:
        return await print_plan(session, ids, "would_delete", json_lines=json_lines)
    return await _for_each(session, ids, AsyncClient.delete, "deleted", json_lines=json_lines)


async def restore(session: Session, ids: Sequence[str], *, json_lines: bool) -> int:
    """Take files out of the trash; return the exit code."""
    return await _for_each(session, ids, AsyncClient.restore, "restored", json_lines=json_lines)


async def move(
    session: Session, file_id: str, name: str | None, folder: str | None, *, json_lines: bool
) -> int:
    """Give a file another name or folder; return the exit code."""

    async def update(client: AsyncClient, file_id: str) -> File:
        return await client.update(file_id, name=name, folder=folder)

    return await _for_each(session, [file_id], update, "moved", json_lines=json_lines)


async def print_plan(session: Session, ids: Sequence[str], outcome: str, *, json_lines: bool) -> int:
    """Print what a command would do with the files, and change nothing; return the exit code."""
    return await _for_each(session, ids, AsyncClient.get, outcome, json_lines=json_lines)


async def _for_each(
    session: Session,
    ids: Sequence[str],
    do: Callable[[AsyncClient, str], Awaitable[File]],
    done: str,
    *,
    json_lines: bool,
) -> int:
    slots = asyncio.Semaphore(MAX_PARALLEL_REQUESTS)

    async def one(file_id: str) -> int:
        try:
            async with slots:
                file = await do(client, file_id)
        except FATAL:
            raise
        except ClientError as error:
            return print_failure(file_id, error, json_lines=json_lines)
        print_outcome(file, done, json_lines=json_lines)
        return DONE

    async with session.client() as client:
        return code_of_all(await asyncio.gather(*map(one, ids)))
