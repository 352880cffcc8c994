"""Upload many files: small ones many at once, so that they share requests, and large ones a few at once."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from waybill.client.errors import ClientError, Forbidden, Unauthenticated, Unreachable
from waybill.client.models import File
from waybill.client.together import together

T = TypeVar("T")

#: Bytes. Smaller files take more time of requests than of the line.
SMALL_FILE_BYTES = 1024**2

#: Small files on their way at once: enough to fill a batch while others are sent or verified.
SMALL_FILES_AT_ONCE = 256

#: Larger files on their way at once for each request that carries bytes: others are hashed or verified.
LARGE_FILES_AT_ONCE = 4

#: Errors after which no other file of the same upload would fare better.
FATAL = (Unauthenticated, Forbidden, Unreachable)


@dataclass(frozen=True, slots=True)
class UploadOutcome:
    """What became of one file of many: ``file`` or ``error``, and the other is None."""

    path: Path
    file: File | None
    error: ClientError | OSError | None


async def upload_each(
    files: Iterable[T], size_of: Callable[[T], int], upload: Callable[[T], Awaitable[None]], parallel: int
) -> None:
    """Upload files in their order. Stops at the first error that ``upload`` raises, and raises it.

    Args:
        files: the files, taken one by one.
        size_of: returns the bytes of one.
        upload: uploads one.
        parallel: requests that carry bytes at once.
    """
    waiting = iter(files)
    large = asyncio.Semaphore(LARGE_FILES_AT_ONCE * parallel)

    async def work() -> None:
        for file in waiting:
            async with large if size_of(file) > SMALL_FILE_BYTES else nullcontext():
                await upload(file)

    await together([work() for _ in range(SMALL_FILES_AT_ONCE)])


async def outcomes(
    paths: Iterable[Path], upload: Callable[[Path], Awaitable[File]], parallel: int
) -> AsyncGenerator[UploadOutcome, None]:
    """Upload files, and yield what became of each as it ends. Raises the errors of ``FATAL``."""
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
        return 0  # the upload says why
