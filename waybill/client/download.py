"""Download a file: resume after a broken connection, and check the SHA-256 at the end."""

import asyncio
import errno
import fcntl
import hashlib
import io
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path

from waybill.client.api import Api
from waybill.client.errors import ClientError, ContentChanged, Unreachable
from waybill.client.local_file import INLINE_BYTES, LocalFile, Progress
from waybill.client.local_name import local_name
from waybill.client.models import File
from waybill.client.store import Store

#: The errors of link(2) if the file system has no hard links, or the kernel protects the file.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


class Downloader:
    """Downloads one file whose content is stored.

    Args:
        file: the requested file. Its id names the partial file.
    """

    def __init__(self, api: Api, store: Store, file: File, progress: Progress | None = None) -> None:
        self._api = api
        self._store = store
        self._file = file
        self._progress = progress

    async def save(self, target: Path, *, overwrite: bool = False) -> None:
        """Save the file at ``target``, where it appears only when it is complete.

        Until then the received bytes are in a partial file beside it, from which the next try continues.

        Raises:
            ContentChanged: the content is not the verified one. The partial file is removed.
            FileExistsError: ``target`` exists, and ``overwrite`` is not set.
            OSError: it cannot be written. The message names the partial file.
        """
        part = target.with_name(f".{local_name(self._file.id, fallback='file')}.waybill")
        with _locked(part, target) as sink:
            try:
                await self._fill(part, sink)
                _publish(part, target, overwrite=overwrite)
            except (ContentChanged, FileExistsError):
                part.unlink(missing_ok=True)
                raise
            except (ClientError, OSError) as error:
                _note_partial_file(error, part, target)
                raise
            finally:
                if os.fstat(sink.fileno()).st_size == 0:
                    part.unlink(missing_ok=True)

    async def _fill(self, part: Path, sink: io.FileIO) -> None:
        digest = hashlib.sha256()
        with LocalFile(part) as partial_file:
            await partial_file.feed(digest)
        # The slot comes first: while the file waits for one, a link or the time for retries could expire.
        async with self._store.slots, aclosing(self._content(partial_file.size, digest)) as content:
            async for chunk in content:
                if self._file.size <= INLINE_BYTES:
                    write_all(sink.fileno(), chunk)
                else:
                    await asyncio.to_thread(write_all, sink.fileno(), chunk)
        await asyncio.to_thread(os.fsync, sink.fileno())

    async def to_stream(self, descriptor: int) -> None:
        """Write the bytes to a pipe or a device. Raises what ``content`` raises."""
        async with self._store.slots, aclosing(self.content()) as content:
            async for chunk in content:
                await asyncio.to_thread(write_all, descriptor, chunk)

    async def content(self) -> AsyncGenerator[bytes, None]:
        """Yield the content in chunks. A wrong SHA-256 raises ContentChanged at the end.

        It takes no slot, because the caller may use the client before it reads on.
        """
        async with aclosing(self._content(0, hashlib.sha256())) as content:
            async for chunk in content:
                yield chunk

    async def _content(self, begin: int, digest: "hashlib._Hash") -> AsyncGenerator[bytes, None]:
        """Yield the bytes from ``begin`` on. ``digest`` has hashed the bytes before."""
        retry = self._api.new_retry()
        while begin < self._file.size:
            link = await self._api.call("GET", f"/files/{self._file.id}/download")
            try:
                async with aclosing(self._store.get(link["url"], begin)) as content:
                    async for chunk in content:
                        digest.update(chunk)
                        yield chunk
                        begin += len(chunk)
                        retry.reset()
                        if self._progress is not None:
                            self._progress(begin, self._file.size)
                if begin < self._file.size:
                    raise Unreachable("The object store ended its answer early.")
            except ClientError as error:
                await retry.wait_after(error)
        if digest.hexdigest() != self._file.sha256:
            raise ContentChanged(
                f"The received content of {self._file.name} is not the verified one. Download it again."
            )


async def verified(api: Api, file: File) -> File:
    """Return a file that can be downloaded. Raises WrongState if it cannot."""
    if file.is_verified:
        return file
    # The server refuses with its own message, unless the file has just been verified.
    await api.call("GET", f"/files/{file.id}/download")
    return File.from_json(await api.call("GET", f"/files/{file.id}"))


def write_all(descriptor: int, chunk: bytes) -> None:
    """Write all of a chunk; blocks. A single write(2) may write less."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _locked(part: Path, target: Path) -> io.FileIO:
    """Open and lock the partial file of a download.

    Raises:
        OSError: another process downloads the same file.
    """
    while True:
        # Unbuffered, because a buffer would be written at the close, after an error.
        try:
            sink = part.open("ab", buffering=0)
        except OSError as error:
            error.filename = str(target)
            raise
        try:
            fcntl.flock(sink, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found, at_path = os.fstat(sink.fileno()), os.stat(part)
        except BlockingIOError:
            sink.close()
            raise OSError(
                f"{target} is being downloaded by another process. Wait for it, or stop it."
            ) from None
        except FileNotFoundError:
            sink.close()
            continue  # another process has just published it
        if os.path.samestat(found, at_path):
            if found.st_nlink == 1:
                return sink
            # A process died within _publish. The other name is in use, so its content must not change.
            part.unlink()
        sink.close()


def _publish(part: Path, target: Path, *, overwrite: bool) -> None:
    """Rename the complete file to ``target``. Without ``overwrite``, fail atomically if the name is in use.

    Raises:
        FileExistsError: the name is in use.
    """
    if overwrite:
        part.replace(target)
        return
    try:
        target.hardlink_to(part)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # FAT and some network file systems have no hard links: create an empty file, and replace it.
        target.open("xb").close()
        part.replace(target)
    else:
        part.unlink()


def _note_partial_file(error: ClientError | OSError, part: Path, target: Path) -> None:
    if isinstance(error, OSError) and error.filename is None:
        # An error of write(2) does not name the file.
        error.filename = str(target)
    with suppress(FileNotFoundError):
        if size := part.stat().st_size:
            error.add_note(
                f"{size:,} of its bytes are stored in {part}. The next download continues from there. "
                "To start from the beginning, delete that file."
            )
