"""Receive the bytes of a file: taken up again where a line broke, and believed when their SHA-256 fits."""

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
from waybill.client.local_name import local_name
from waybill.client.models import File
from waybill.client.source import INLINE_BYTES, Progress, Source
from waybill.client.store import Store

#: What link(2) answers where the file system has no hard links, or the kernel protects the file.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


class Receiver:
    """Receives one file whose content is stored.

    Args:
        file: the file that was asked for; its id names what is kept of it until it is whole.
    """

    def __init__(self, api: Api, store: Store, file: File, progress: Progress | None = None) -> None:
        self._api = api
        self._store = store
        self._file = file
        self._progress = progress

    async def into(self, target: Path, *, overwrite: bool = False) -> None:
        """Write the file to ``target``, which is there whole or not at all.

        What has come is kept beside it until then, and is not fetched again by the next try.

        Raises:
            ContentChanged: what came is not what was verified; it is thrown away.
            FileExistsError: something is there, perhaps since a moment ago, and ``overwrite`` is not set.
            OSError: it cannot be written. The message names what is kept.
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
                _note_what_is_kept(error, part, target)
                raise
            finally:
                if os.fstat(sink.fileno()).st_size == 0:
                    part.unlink(missing_ok=True)

    async def _fill(self, part: Path, sink: io.FileIO) -> None:
        digest = hashlib.sha256()
        with Source(part) as kept:
            await kept.feed(digest)
        async with aclosing(self._content(kept.size, digest)) as content:
            async for chunk in content:
                if self._file.size <= INLINE_BYTES:
                    write_all(sink.fileno(), chunk)
                else:
                    await asyncio.to_thread(write_all, sink.fileno(), chunk)
        await asyncio.to_thread(os.fsync, sink.fileno())

    async def to_stream(self, descriptor: int) -> None:
        """Write the bytes to a pipe or a device. Raises as ``content`` does."""
        async with aclosing(self.content()) as content:
            async for chunk in content:
                await asyncio.to_thread(write_all, descriptor, chunk)

    async def content(self) -> AsyncGenerator[bytes, None]:
        """The bytes one after the other. Raises as ``into`` does, at the end: nothing is sure until then."""
        async with aclosing(self._content(0, hashlib.sha256())) as content:
            async for chunk in content:
                yield chunk

    async def _content(self, begin: int, digest: "hashlib._Hash") -> AsyncGenerator[bytes, None]:
        """The bytes from ``begin`` on, of which ``digest`` knows those before."""
        patience = self._api.patience()
        while begin < self._file.size:
            link = await self._api.call("GET", f"/files/{self._file.id}/download")
            try:
                async with aclosing(self._store.get(link["url"], begin)) as content:
                    async for chunk in content:
                        digest.update(chunk)
                        yield chunk
                        begin += len(chunk)
                        patience.renew()
                        if self._progress is not None:
                            self._progress(begin, self._file.size)
                if begin < self._file.size:
                    raise Unreachable("The object store ended its answer early.")
            except ClientError as error:
                await patience.after(error)
        if digest.hexdigest() != self._file.sha256:
            raise ContentChanged(
                f"The received content of {self._file.name} is not the verified one. Download it again."
            )


async def verified(api: Api, file: File) -> File:
    """Return a file that can be downloaded. Raises WrongState if it cannot."""
    if file.is_verified:
        return file
    # Refused in the server's own words, unless it has just been verified.
    await api.call("GET", f"/files/{file.id}/download")
    return File.of(await api.call("GET", f"/files/{file.id}"))


def write_all(descriptor: int, chunk: bytes) -> None:
    """Write all of a chunk; blocks. One call of the system may write less."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _locked(part: Path, target: Path) -> io.FileIO:
    """Open the file in which a download is kept, for this process alone.

    Raises:
        OSError: another process receives the same file.
    """
    while True:
        # Without a buffer, which would be written at the close, after the error that ended the work.
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
            raise OSError(f"{target} is being received by another process.") from None
        except FileNotFoundError:
            sink.close()
            continue  # another process has just published it
        if os.path.samestat(found, at_path):
            if found.st_nlink == 1:
                return sink
            # A process died within _publish: the other name is in use, and must not be written to.
            part.unlink()
        sink.close()


def _publish(part: Path, target: Path, *, overwrite: bool) -> None:
    """Give the whole file its name. Without ``overwrite`` in one step that fails if the name is taken.

    Raises:
        FileExistsError: the name is taken.
    """
    if overwrite:
        part.replace(target)
        return
    try:
        target.hardlink_to(part)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # FAT and some network file systems have no links: take the name with an empty file, and replace that.
        target.open("xb").close()
        part.replace(target)
    else:
        part.unlink()


def _note_what_is_kept(error: ClientError | OSError, part: Path, target: Path) -> None:
    if isinstance(error, OSError) and error.filename is None:
        # An error of write(2) does not name the file.
        error.filename = str(target)
    with suppress(FileNotFoundError):
        if size := part.stat().st_size:
            error.add_note(
                f"{size:,} bytes of it are kept in {part}, and the same command goes on from there. "
                "To drop them, delete that file."
            )
