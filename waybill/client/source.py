"""A local file that is sent: read in ranges, hashed, and watched for changes."""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from waybill.client.errors import ContentChanged
from waybill.client.store import CHUNK

#: Is told how many bytes of how many are done. It may step back, where bytes must be sent again.
Progress = Callable[[int, int], None]

#: Bytes that are hashed by one call into another thread, so that few milliseconds pass until a stop is heard.
STRIDE = 8 * 1024**2

#: Bytes. A file of so few is read and written in the event loop: another thread takes longer than the file.
INLINE_BYTES = 64 * 1024


class Source:
    """A regular file as it was when it was opened. A context, which closes it.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Without waiting: else opening a pipe would, for somebody who writes into it.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(self._descriptor)
            raise OSError(f"{path} is not a regular file.")
        self.size = found.st_size
        self.modified_ns = found.st_mtime_ns
        self.changed_ns = found.st_ctime_ns

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    async def sha256(self, progress: Progress | None = None) -> str:
        """SHA-256 of the content, in hexadecimal. Reads all of it."""
        digest = hashlib.sha256()
        await self.feed(digest, progress)
        self.ensure_unchanged()
        return digest.hexdigest()

    async def feed(self, digest: "hashlib._Hash", progress: Progress | None = None) -> None:
        """Hash the whole content, on top of what ``digest`` has seen. Raises as ``read`` does."""
        for begin in range(0, self.size, STRIDE):
            end = min(begin + STRIDE, self.size)
            if self.size <= INLINE_BYTES:
                self._hash(digest, begin, end)
            else:
                await asyncio.to_thread(self._hash, digest, begin, end)
            if progress is not None:
                progress(end, self.size)

    async def read(self, begin: int, length: int) -> AsyncIterator[bytes]:
        """A range in chunks.

        Raises:
            ContentChanged: the file has become shorter.
        """
        end = begin + length
        while begin < end:
            wanted = min(CHUNK, end - begin)
            if self.size <= INLINE_BYTES:
                chunk = os.pread(self._descriptor, wanted, begin)
            else:
                # In another thread, because the file may be on a disk that sleeps, or far away.
                chunk = await asyncio.to_thread(os.pread, self._descriptor, wanted, begin)
            if not chunk:
                raise self._changed()
            begin += len(chunk)
            yield chunk

    def ensure_unchanged(self) -> None:
        """Raises ContentChanged where the file is not what it was when it was opened."""
        found = os.fstat(self._descriptor)
        if (found.st_size, found.st_mtime_ns) != (self.size, self.modified_ns):
            raise self._changed()

    def _hash(self, digest: "hashlib._Hash", begin: int, end: int) -> None:
        while begin < end:
            chunk = os.pread(self._descriptor, min(4 * CHUNK, end - begin), begin)
            if not chunk:
                raise self._changed()
            digest.update(chunk)
            begin += len(chunk)

    def _changed(self) -> ContentChanged:
        return ContentChanged(f"{self.path} changed while it was read. Send it again once it is finished.")
