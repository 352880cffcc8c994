"""Where a download goes: which path, what is there already, and pipes and devices, which are no files."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from os import PathLike
from pathlib import Path
from weakref import WeakValueDictionary

from waybill.client.local_name import local_name, longest_name
from waybill.client.models import File
from waybill.client.receiving import Receiver
from waybill.client.source import Source

LocalPath = str | PathLike[str]

#: Seconds between two looks for a reader of a named pipe.
READER_PAUSE_SECONDS = 0.1


def destination(target: LocalPath, file: File) -> Path:
    """Return ``target``, or a place in it if it is a folder: under the file's own name, made harmless.

    A target that ends with a slash is a folder, and is made if it is missing.

    Raises:
        OSError: the folder cannot be made.
    """
    path = Path(target)
    if os.fspath(target).endswith(os.sep):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    if not path.is_dir():
        return path
    return path / local_name(file.name, fallback=file.id, max_bytes=longest_name(path))


async def is_there(path: Path, content: File, *, overwrite: bool) -> bool:
    """Return whether the content is at ``path``; False if the path is free, or may be overwritten.

    Raises:
        FileExistsError: something else is there.
        OSError: what is there cannot be read.
    """
    try:
        source = Source(path)
    except FileNotFoundError:
        if overwrite or not _is_link(path):
            return False
    else:
        with source as there:
            if there.size == content.size and await there.sha256() == content.sha256:
                return True
        if overwrite:
            return False
    raise FileExistsError(f"{path} is there, with other content.")


def _is_link(path: Path) -> bool:
    """Return whether the name is taken, if there is no file: a link that leads nowhere takes it too."""
    return path.is_symlink()


def is_stream(path: Path) -> bool:
    """Return whether what is at ``path`` takes bytes as they come: a pipe, or a device such as /dev/null."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


@asynccontextmanager
async def opened_stream(path: Path) -> AsyncIterator[int]:
    """Open a pipe or a device for writing, and wait for the reader of a named pipe. Yields a descriptor."""
    while True:
        try:
            # Without O_NONBLOCK the call would wait for the reader, and Ctrl-C could not end it.
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or not is_stream(path):
                raise
            await asyncio.sleep(READER_PAUSE_SECONDS)
    try:
        os.set_blocking(descriptor, True)
        yield descriptor
    finally:
        os.close(descriptor)


class SavedFiles:
    """What one client saves, each path by one download at a time."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()
        self._paths: set[Path] = set()

    async def save(self, receiver: Receiver, path: Path, content: File, *, overwrite: bool) -> None:
        """Write a file to ``path``, unless it is there already.

        Args:
            receiver: receives the file.
            path: where to save it.
            content: the file as it was verified.
            overwrite: replace other content, unless this client saved it.

        Raises:
            FileExistsError: something else is there.
        """
        # The second file of one name must find what the first has saved.
        async with self._locks.setdefault(path, asyncio.Lock()):
            overwrite = overwrite and path not in self._paths
            if not await is_there(path, content, overwrite=overwrite):
                try:
                    await receiver.into(path, overwrite=overwrite)
                except FileExistsError:
                    # Another process has saved something there meanwhile, perhaps the same file.
                    if not await is_there(path, content, overwrite=False):
                        raise
            self._paths.add(path)
