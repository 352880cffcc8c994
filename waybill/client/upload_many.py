"""Upload many files: many small ones at the same time, which share requests, and a few large ones."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from waybill.client.errors import FATAL, ClientError
from waybill.client.models import File
from waybill.client.tasks import run_all

T = TypeVar("T")

#: Smaller files need more time for requests than for the transfer.
SMALL_FILE_BYTES = 1024**2

#: Small files in progress: enough to fill a batch while others are sent or verified.
MAX_SMALL_FILES = 256

#: Larger files in progress for each parallel transfer: others are hashed or verified meanwhile.
MAX_LARGE_FILES_PER_TRANSFER = 4


@dataclass(frozen=True, slots=True)
class UploadOutcome:
    """The outcome for one file: ``file`` or ``error``; the other is None."""

    path: Path
    file: File | None
    error: ClientError | OSError | None


async def upload_each(
    files: Iterable[T], size_of: Callable[[T], int], upload: Callable[[T], Awaitable[None]], parallel: int
) -> None:
    """Upload files in their order. Stop at the first error that ``upload`` raises, and raise it.

    Args:
        files: the files, consumed one by one.
        size_of: returns the size of a file in bytes.
        upload: uploads a file.
        parallel: how many requests transfer data at the same time.
    """
    waiting = iter(files)
    large = asyncio.Semaphore(MAX_LARGE_FILES_PER_TRANSFER * parallel)

    async def work() -> None:
        for file in waiting:
            async with large if size_of(file) > SMALL_FILE_BYTES else nullcontext():
                await upload(file)

    await run_all([work() for _ in range(MAX_SMALL_FILES)])


async def outcomes(
    paths: Iterable[Path], upload: Callable[[Path], Awaitable[File]], parallel: int
) -> AsyncGenerator[UploadOutcome, None]:
    """Upload files, and yield the outcome of each as it ends. Raises the errors of ``FATAL``."""
    ended: asyncio.Queue[UploadOutcome | None] = asyncio.Queue()

    async def one(path: Path) -> None:
        try:
            outcome = UploadOutcome(path, await upload(path), None)
        except FATAL:
            raise
        except (ClientError, OSError) as error:
            outcome = UploadOutcome(path, None, error)
        ended.put_nowait(outcome)

    uploading = asyncio.create_task(upload_each(paths, _size, one, parallel))
    uploading.add_done_callback(lambda _: ended.put_nowait(None))
    try:
        while (outcome := await ended.get()) is not None:
            yield outcome
        await uploading
    finally:
        uploading.cancel()
        await asyncio.wait([uploading])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # the upload raises the error
