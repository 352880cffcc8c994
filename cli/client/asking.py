"""`waybill ls`, `info`, `usage`, `rm` and `restore`: questions and orders that move no bytes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Literal, TypedDict

from cli.client.exits import DONE, code_of_all
from cli.client.lines import as_json, line_of, tell, tell_failure
from cli.client.session import Session
from cli.client.words import printable, size_in_words, time_in_words
from waybill.client import AsyncClient, ClientError, File, Forbidden, Status, Unauthenticated, Unreachable

#: Requests at once.
PARALLEL = 8


class Filters(TypedDict):
    """What `waybill ls` lists, as the client takes it."""

    status: Sequence[Status]
    name: str | None
    content_type: str | None
    created_after: datetime | None
    created_before: datetime | None
    min_size: int | None
    max_size: int | None
    deleted: bool
    sort: Literal["createdAt", "name", "size"] | None
    order: Literal["asc", "desc"] | None


async def list_files(session: Session, filters: Filters, limit: int | None, *, json_lines: bool) -> int:
    """Print the files that the filters admit, one a line, as their pages come; the exit code."""
    shown = 0
    async with session.client() as client, aclosing(client.files(**filters)) as files:
        async for file in files:
            print(as_json(file.raw) if json_lines else line_of(file), flush=not shown % 100)
            shown += 1
            # Not after the next file: with a filter that few files match it may be far away.
            if shown == limit:
                break
    return DONE


async def show_file(session: Session, file_id: str, *, json_lines: bool) -> int:
    """Print all that is known of a file; the exit code."""
    async with session.client() as client:
        file = await client.get(file_id)
    if json_lines:
        print(as_json(file.raw))
        return DONE
    times = {"made": file.created_at, "completed": file.completed_at}
    times |= {"deleted": file.deleted_at, "purged": file.purged_at}
    facts = {
        "id": file.id,
        "name": printable(file.name),
        "size": f"{size_in_words(file.size)} ({file.size} bytes)",
        "type": file.content_type,
        "status": file.status,
        "because": file.failure_reason,
        "original": file.duplicate_of,
        "sha256": file.sha256,
        **{name: time and time_in_words(time) for name, time in times.items()},
    }
    for name, fact in facts.items():
        if fact is not None:
            print(f"{name:<10} {fact}")
    return DONE


async def show_usage(session: Session, *, json_lines: bool) -> int:
    """Print what the owner's files take; the exit code."""
    async with session.client() as client:
        usage = await client.usage()
    if json_lines:
        print(
            as_json(
                {"used": usage.used, "reserved": usage.reserved, "limit": usage.limit, "files": usage.files}
            )
        )
        return DONE
    limit = "no limit" if usage.limit is None else f"of {size_in_words(usage.limit)}"
    print(f"{size_in_words(usage.used)} in {usage.files} files, {limit}")
    if usage.reserved:
        print(f"{size_in_words(usage.reserved)} reserved by uploads")
    return DONE


async def remove(session: Session, ids: Sequence[str], *, json_lines: bool) -> int:
    """Delete files; the exit code."""
    return await _each(session, ids, AsyncClient.delete, "deleted", json_lines=json_lines)


async def restore(session: Session, ids: Sequence[str], *, json_lines: bool) -> int:
    """Take files out of the trash; the exit code."""
    return await _each(session, ids, AsyncClient.restore, "restored", json_lines=json_lines)


async def _each(
    session: Session,
    ids: Sequence[str],
    do: Callable[[AsyncClient, str], Awaitable[File]],
    done: str,
    *,
    json_lines: bool,
) -> int:
    slots = asyncio.Semaphore(PARALLEL)

    async def one(file_id: str) -> int:
        try:
            async with slots:
                file = await do(client, file_id)
        except (Unauthenticated, Forbidden, Unreachable):
            raise
        except ClientError as error:
            return tell_failure(file_id, error, json_lines=json_lines)
        tell(file, done, json_lines=json_lines)
        return DONE

    async with session.client() as client:
        return code_of_all(await asyncio.gather(*map(one, ids)))
