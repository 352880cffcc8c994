"""A local file that is sent: read in ranges, hashed, and checked for changes."""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from waybill.client.errors import ContentChanged
from waybill.client.store import CHUNK_BYTES

#: Called with the bytes done and the total. The first number falls if bytes must be sent again.
Progress = Callable[[int, int], None]

#: Bytes that one call in another thread hashes. A cancellation waits for the end of the call.
HASH_BLOCK_BYTES = 8 * 1024**2

#: Files up to this size are read and written in the event loop, which is faster than another thread.
INLINE_BYTES = 64 * 1024


class LocalFile:
    """A regular file as it was when it was opened. Use it as a context, which closes it.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Without O_NONBLOCK, opening a pipe would wait for a writer.
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
        """Return the SHA-256 of the whole content, in hexadecimal."""
        digest = hashlib.sha256()
        await self.feed(digest, progress)
        self.ensure_unchanged()
        return digest.hexdigest()

    async def feed(self, digest: "hashlib._Hash", progress: Progress | None = None) -> None:
        """Add the whole content to ``digest``. Raises what ``read`` raises."""
        for begin in range(0, self.size, HASH_BLOCK_BYTES):
            end = min(begin + HASH_BLOCK_BYTES, self.size)
            if self.size <= INLINE_BYTES:
                self._hash(digest, begin, end)
            else:
                await asyncio.to_thread(self._hash, digest, begin, end)
            if progress is not None:
                progress(end, self.size)

    async def read(self, begin: int, length: int) -> AsyncIterator[bytes]:
        """Yield a range in chunks.

        Raises:
            ContentChanged: the file has become shorter.
        """
        end = begin + length
        while begin < end:
            wanted = min(CHUNK_BYTES, end - begin)
            if self.size <= INLINE_BYTES:
                chunk = os.pread(self._descriptor, wanted, begin)
            else:
                # In another thread, because a disk or a network file system may be slow.
                chunk = await asyncio.to_thread(os.pread, self._descriptor, wanted, begin)
            if not chunk:
                raise self._changed()
            begin += len(chunk)
            yield chunk

    def ensure_unchanged(self) -> None:
        """Raise ContentChanged if the file has changed since it was opened."""
        found = os.fstat(self._descriptor)
        if (found.st_size, found.st_mtime_ns) != (self.size, self.modified_ns):
            raise self._changed()

    def _hash(self, digest: "hashlib._Hash", begin: int, end: int) -> None:
        while begin < end:
            chunk = os.pread(self._descriptor, min(4 * CHUNK_BYTES, end - begin), begin)
            if not chunk:
                raise self._changed()
            digest.update(chunk)
            begin += len(chunk)

    def _changed(self) -> ContentChanged:
        return ContentChanged(
            f"{self.path} changed while it was read. Upload it again when no program writes to it."
        )
