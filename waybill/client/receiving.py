"""Receive the bytes of a file: taken up again where a line broke, and believed when their SHA-256 fits."""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from waybill.client.api import Api
from waybill.client.errors import ClientError, ContentChanged, Unreachable
from waybill.client.models import File
from waybill.client.source import Progress, Source
from waybill.client.store import Store


class Receiver:
    """Receives one COMPLETED file."""

    def __init__(self, api: Api, store: Store, file: File, progress: Progress | None) -> None:
        self._api = api
        self._store = store
        self._file = file
        self._progress = progress

    async def into(self, target: Path) -> None:
        """Write the file to ``target``, which is there whole or not at all.

        What has come is kept beside it until then, and is not fetched again by the next try.

        Raises:
            ContentChanged: what came is not what was verified; it is thrown away.
            OSError: it cannot be written.
        """
        half = target.with_name(f".{self._file.id}.waybill")
        digest = hashlib.sha256()
        with half.open("ab") as sink:
            try:
                fcntl.flock(sink, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OSError(f"{target} is being received by another process.") from None
            with Source(half) as kept:
                await kept.feed(digest)
            try:
                async with aclosing(self._content(kept.size, digest)) as content:
                    async for chunk in content:
                        await asyncio.to_thread(sink.write, chunk)
            except ContentChanged:
                half.unlink()
                raise
            sink.flush()
            await asyncio.to_thread(os.fsync, sink.fileno())
            half.replace(target)

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
