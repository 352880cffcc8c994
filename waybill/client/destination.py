"""The destination of a download: its path, what exists there, and pipes and devices."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from os import PathLike
from pathlib import Path

from waybill.client.download import Downloader
from waybill.client.local_file import LocalFile
from waybill.client.local_name import local_name, longest_name
from waybill.client.models import File
from waybill.client.tasks import Locks

LocalPath = str | PathLike[str]

#: How often a named pipe is checked for a reader.
READER_POLL_SECONDS = 0.1


def destination(target: LocalPath, file: File) -> Path:
    """Return ``target``. If it is a folder, return a path in it, with the file's own name made safe.

    A target that ends with a slash is a folder, which is created if it does not exist.

    Raises:
        OSError: the folder cannot be created.
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


async def has_content(path: Path, content: File, *, overwrite: bool) -> bool:
    """Return whether the content is at ``path``; False if the path is free, or may be overwritten.

    Raises:
        FileExistsError: the path has other content.
        OSError: the existing file cannot be read.
    """
    try:
        source = LocalFile(path)
    except FileNotFoundError:
        if overwrite or not _is_link(path):
            return False
    else:
        with source as there:
            if there.size == content.size and await there.sha256() == content.sha256:
                return True
        if overwrite:
            return False
    raise FileExistsError(f"{path} exists and has other content.")


def _is_link(path: Path) -> bool:
    """Return whether the path is a link. A broken link is not a file, but its name is in use."""
    return path.is_symlink()


def is_stream(path: Path) -> bool:
    """Return whether ``path`` is a pipe, or a character device such as /dev/null."""
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
            await asyncio.sleep(READER_POLL_SECONDS)
    try:
        os.set_blocking(descriptor, True)
        yield descriptor
    finally:
        os.close(descriptor)


class SavedFiles:
    """The paths that one client has saved. Only one download at a time writes to a path."""

    def __init__(self) -> None:
        self._locks = Locks[Path]()
        self._paths: set[Path] = set()

    async def save(
        self, downloader: Downloader, target: LocalPath, content: File, *, overwrite: bool
    ) -> Path:
        """Save a file, unless its content exists there already.

        Args:
            downloader: downloads the file.
            target: where to save it: a path, a folder, a pipe or a device.
            content: the verified file.
            overwrite: replace other content, unless this client saved it.

        Returns:
            The path of the saved file.

        Raises:
            FileExistsError: something else is there.
        """
        if is_stream(Path(target)):
            async with opened_stream(Path(target)) as descriptor:
                await downloader.to_stream(descriptor)
            return Path(target)
        path = destination(target, content)
        # The second file with the same name must find what the first has saved.
        async with self._locks[path]:
            overwrite = overwrite and path not in self._paths
            if not await has_content(path, content, overwrite=overwrite):
                try:
                    await downloader.save(path, overwrite=overwrite)
                except FileExistsError:
                    # Another process saved a file there, perhaps the same one.
                    if not await has_content(path, content, overwrite=False):
                        raise
            self._paths.add(path)
        return path
