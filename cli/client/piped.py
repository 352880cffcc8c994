"""Pipes and standard input as files. An upload needs the size and the hash first."""

import asyncio
import errno
import os
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO

from cli.client.choice import FROM_STDIN

CHUNK_BYTES = 1024**2


def is_pipe(path: Path) -> bool:
    """Return whether ``path`` is a pipe, or ``-`` for standard input."""
    if str(path) == FROM_STDIN:
        return True
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except OSError:
        return False


def has_no_name(path: Path) -> bool:
    """Return whether ``path`` is a pipe without a name of its own: standard input, or ``<(command)``."""
    # The shell passes /dev/fd/63, a link to a pipe that has no path.
    return is_pipe(path) and not os.path.exists(os.path.realpath(path))


@asynccontextmanager
async def spooled(path: Path) -> AsyncIterator[Path]:
    """Read a pipe to its end, and yield a path to its content. The path is valid within the context.

    The content is in an unnamed temporary file, so the system removes it even if the process is killed.

    Raises:
        OSError: the pipe cannot be read, or the temporary folder is full.
    """
    with tempfile.TemporaryFile() as spool:
        try:
            with _opened(path) as descriptor:
                await _copy(descriptor, spool)
        except OSError as error:
            error.filename = str(path)
            if error.errno == errno.ENOSPC:
                error.add_note(
                    f"Its content is stored in {tempfile.gettempdir()} until it is sent."
                    " Set TMPDIR to a folder with more space."
                )
            raise
        yield Path(f"/dev/fd/{spool.fileno()}")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    if str(path) == FROM_STDIN:
        if sys.stdin is None:
            raise OSError("Standard input is closed.")
        yield sys.stdin.fileno()
        return
    # Without O_NONBLOCK the call would wait for a writer, and Ctrl-C could not end it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


async def _copy(descriptor: int, spool: IO[bytes]) -> None:
    is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
    while True:
        if not is_file:
            await _readable(descriptor)
        try:
            chunk = await asyncio.to_thread(os.read, descriptor, CHUNK_BYTES)
        except BlockingIOError:
            continue
        if not chunk:
            spool.flush()
            return
        await asyncio.to_thread(spool.write, chunk)


async def _readable(descriptor: int) -> None:
    """Wait for bytes, or for the end of the pipe: a named pipe ends after its first writer has closed it."""
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:
        return  # /dev/null and similar devices are always ready
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
