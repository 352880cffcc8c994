"""What a script does without batches: each file requested, sent and completed by requests of its own.

`python -m bench.floors.alone upload FOLDER` sends the files of a folder, sixteen at once;
`... get FOLDER` saves the files whose ids are on standard input, four at once.
The API's address is WAYBILL_URL, the token WAYBILL_TOKEN.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import aiohttp
from yarl import URL

T = TypeVar("T")

API = f"{os.environ['WAYBILL_URL']}/api/v1/files"
BEARER = {"Authorization": f"Bearer {os.environ['WAYBILL_TOKEN']}"}
UPLOADS_AT_ONCE = 16
DOWNLOADS_AT_ONCE = 4


async def upload(session: aiohttp.ClientSession, path: Path) -> None:
    """Hash, request, send and complete one file."""
    content = path.read_bytes()  # noqa: ASYNC240  # small
    body = {"name": path.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    async with session.post(f"{API}/upload-request", json=body, headers=BEARER) as response:
        requested = await response.json()
    grant = requested["upload"]
    if grant is None:
        return
    url = URL(grant["url"], encoded=True)
    async with session.put(
        url, data=content, headers=grant["headers"], skip_auto_headers=["Content-Type"]
    ) as response:
        response.raise_for_status()
    async with session.post(f"{API}/{requested['file']['id']}/complete", headers=BEARER) as response:
        response.raise_for_status()


async def get(session: aiohttp.ClientSession, folder: Path, file_id: str) -> None:
    """Save one file under its id."""
    async with session.get(f"{API}/{file_id}/download", headers=BEARER) as response:
        link = await response.json()
    async with session.get(URL(link["url"], encoded=True)) as response:
        content = await response.read()
    (folder / file_id).write_bytes(content)


async def each(items: Iterable[T], do: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Do something for each item."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await do(item)

    await asyncio.gather(*(work() for _ in range(at_once)))


async def main(what: str, folder: Path, items: list[str]) -> None:
    """Do what the command line says."""
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        if what == "upload":
            await each(items, lambda name: upload(session, folder / name), UPLOADS_AT_ONCE)
        else:
            await each(items, lambda file_id: get(session, folder, file_id), DOWNLOADS_AT_ONCE)


if __name__ == "__main__":
    what, folder = sys.argv[1:]
    items = os.listdir(folder) if what == "upload" else sys.stdin.read().split()
    asyncio.run(main(what, Path(folder), items))
