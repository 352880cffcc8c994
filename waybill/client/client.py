"""The client of one Waybill, for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import aiohttp

from waybill.client.announcement import UploadOptions, announcement
from waybill.client.api import Api, Token, checked_address, checked_token, file_path
from waybill.client.bandwidth import BandwidthLimit
from waybill.client.batching import ANNOUNCE, COMPLETE, Batcher
from waybill.client.destination import LocalPath, SavedFiles, destination, is_stream, opened_stream
from waybill.client.events import follow
from waybill.client.listing import Filters, list_files
from waybill.client.many import UploadOutcome, outcomes
from waybill.client.models import Announced, Event, File, Usage
from waybill.client.observer import NoObserver, Observer
from waybill.client.receiving import Receiver, verified
from waybill.client.sending import MAX_OPEN_FILES, Sender
from waybill.client.source import Progress, Source
from waybill.client.store import Store
from waybill.client.verdicts import Verdicts


class AsyncClient:
    """Moves files to and from a Waybill, in the name of the token's owner.

    Args:
        url: where the Waybill is, such as ``https://files.example.com``.
        token: a bearer token, or a function that gives one whenever a request is made.
        patience: seconds for which anything is tried again while a server is away or the line is broken,
            counted from the last progress. The first contact gets two at most: who has never answered is
            more likely wrong than away.
        parallel: requests that carry bytes at once, over all files.
        max_rate: bytes per second that all uploads and downloads together may use, or None for no limit.
        observer: is called for each request and each retry.

    Used as a context (``async with``). Whatever it raises is of ``ClientError``'s family, or an OSError of
    the local file. It logs nothing.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        patience: float = 60,
        parallel: int = 4,
        max_rate: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._url = checked_address(url)
        self._token = checked_token(token) if isinstance(token, str) else token
        self._patience = patience
        self._parallel = parallel
        self._limit = BandwidthLimit(max_rate)
        self._observer = observer or NoObserver()
        self._saved = SavedFiles()
        self._open_files = asyncio.Semaphore(MAX_OPEN_FILES)

    async def __aenter__(self) -> Self:
        # As many connections as there are requests, and proxies as everywhere (HTTPS_PROXY, NO_PROXY).
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            trust_env=True,
            # Sizes and ranges are those of the stored bytes.
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
        )
        self._api = Api(self._session, self._url, self._token, self._patience, self._observer)
        self._store = Store(self._session, self._parallel, self._limit, self._observer)
        self._verdicts = Verdicts(self._api)
        self._announcing = Batcher(self._api, ANNOUNCE)
        self._completing = Batcher(self._api, COMPLETE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._announcing.close()
        await self._completing.close()
        await self._session.close()

    async def upload(
        self,
        path: LocalPath,
        *,
        name: str | None = None,
        sha256: str | None = None,
        progress: Progress | None = None,
        wait: bool = True,
        **options: Unpack[UploadOptions],
    ) -> File:
        """Hash, announce, send and complete a file, and wait until it is verified.

        If its content is stored already, nothing is sent: the result is the file of that folder, name and
        type, or a new DUPLICATE. By default the name is that of the local file. The other arguments are
        ``content_type``, ``folder``, ``metadata`` and ``multipart``: see ``UploadOptions``. To resume an
        upload later, use ``announce`` and ``send``.

        Returns:
            The file as it ended, COMPLETED or DUPLICATE; without ``wait`` as it is on its way there.

        Raises:
            NotVerified: what arrived is not what was sent.
            ContentChanged: the file changed meanwhile.
        """
        path = Path(path)
        with Source(path) as source:
            sha256 = sha256 or await source.sha256()
        announced = await self.announce(name or path.name, source.size, sha256=sha256, **options)
        if not (announced.is_open and wait):
            return (
                await self.send(path, announced, progress=progress) if announced.is_open else announced.file
            )
        async with self.expecting(announced.file.id) as verified:
            await self.send(path, announced, progress=progress)
            return await verified()

    async def upload_many(
        self, paths: Iterable[LocalPath], *, wait: bool = True, **options: Unpack[UploadOptions]
    ) -> AsyncGenerator[UploadOutcome, None]:
        """Upload files, and yield what became of each as it ends. The arguments are those of ``upload``.

        Small files share requests: a hundred take two and the PUTs. A file that fails does so alone.

        Raises:
            Unauthenticated, Forbidden, Unreachable: no other file would fare better.
        """
        upload = partial(self.upload, wait=wait, **options)
        async with aclosing(outcomes(map(Path, paths), upload, self._parallel)) as ended:
            async for outcome in ended:
                yield outcome

    async def announce(
        self, name: str, size: int, *, sha256: str | None = None, **options: Unpack[UploadOptions]
    ) -> Announced:
        """Announce an upload, to ``send`` it then. The arguments are those of ``upload``.

        Calls that are made at the same time share requests, and so do the completions of ``send``.
        """
        body = announcement(name, size, sha256, **options)
        return Announced.of(await self._announcing.call(body))

    async def send(self, path: LocalPath, announced: Announced, *, progress: Progress | None = None) -> File:
        """Send what was announced, and complete it. May be resumed with the file's id if it fails."""
        async with self._sender(path, progress) as sender:
            return await sender.send(announced)

    async def resume(self, path: LocalPath, file_id: str, *, progress: Progress | None = None) -> File:
        """Take up an upload that was begun, perhaps by another process, without what has arrived.

        Raises:
            WrongState: it has expired, or was deleted. Upload it anew.
            FileNotFound: there is none of that id.
            ContentChanged: the file has another size than was announced.
        """
        async with self._sender(path, progress) as sender:
            return await sender.resume(file_id)

    async def wait(self, file_id: str) -> File:
        """The file, once it is COMPLETED or DUPLICATE. Put ``asyncio.timeout`` around it to wait no longer.

        Raises:
            NotVerified: it ended FAILED or EXPIRED, or was deleted.
        """
        return await self._verdicts.end_of(file_id)

    def expecting(self, file_id: str) -> AbstractAsyncContextManager[Callable[[], Awaitable[File]]]:
        """Wait for a file that is still to be sent: a context that gives a function, which does as ``wait``.

        Around ``send`` it saves the request that ``wait`` makes for each file after it has been sent.
        """
        return self._verdicts.expecting(file_id)

    async def get(self, file_id: str) -> File:
        """One file, deleted ones included."""
        return File.of(*await self._api.call_for_etag("GET", file_path(file_id)))

    async def files(self, **filters: Unpack[Filters]) -> AsyncGenerator[File, None]:
        """Yield all files that match the filters, page after page; docs/reference/lists.md explains them."""
        async with aclosing(list_files(self._api, filters)) as files:
            async for file in files:
                yield file

    async def download(
        self,
        file: File | str,
        target: LocalPath,
        *,
        progress: Progress | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write a file to ``target``, or into it under the file's own name if that is a folder.

        A ``target`` that ends with a slash is a folder, and is made if it is missing. The file is there whole
        or not at all, since its SHA-256 is compared before; what came until a line broke or a process died is
        not fetched again. A pipe or a character device gets the bytes as they come.

        Args:
            file: the file, or its id, which takes one request more.
            target: where to save it. In a folder the name is made harmless (``local_name``).
            progress: called with the bytes that have come, and the size.
            overwrite: replace a file that is there with other content, unless this client saved it.

        Returns:
            Where it is.

        Raises:
            WrongState: there is nothing to download.
            ContentChanged: what came is not what was verified.
            FileExistsError: something else is there.
        """
        file = await self.get(file) if isinstance(file, str) else file
        file = await verified(self._api, file)
        receiver = Receiver(self._api, self._store, file, progress)
        if is_stream(Path(target)):
            async with opened_stream(Path(target)) as descriptor:
                await receiver.to_stream(descriptor)
            return Path(target)
        path = destination(target, file)
        await self._saved.save(receiver, path, file, overwrite=overwrite)
        return path

    async def content(self, file_id: str, *, progress: Progress | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes of a file one after the other. Raises as ``download`` does, ContentChanged at the end."""
        file = await verified(self._api, await self.get(file_id))
        receiver = Receiver(self._api, self._store, file, progress)
        async with aclosing(receiver.content()) as content:
            async for chunk in content:
                yield chunk

    async def update(
        self,
        file_id: str,
        *,
        name: str | None = None,
        content_type: str | None = None,
        folder: str | None = None,
        metadata: Mapping[str, str | None] | None = None,
        if_match: str | None = None,
    ) -> File:
        """Update what is said of a file. An argument that is None changes nothing.

        Args:
            folder: the new folder; the empty one is the top.
            metadata: pairs to set. Other pairs stay, and a value of None removes its pair.
            if_match: the ``etag`` of the file: update it only if it has not changed since.

        Raises:
            PreconditionFailed: it has changed. Also if the answer to the update was lost.
            WrongState: the file is deleted.
        """
        changes = {"name": name, "contentType": content_type, "folder": folder, "metadata": metadata}
        body = {field: value for field, value in changes.items() if value is not None}
        headers = {} if if_match is None else {"If-Match": if_match}
        return File.of(
            *await self._api.call_for_etag("PATCH", file_path(file_id), body=body, headers=headers)
        )

    async def delete(self, file_id: str) -> File:
        """Delete a file. A repeat answers the same."""
        return File.of(await self._api.call("DELETE", file_path(file_id)))

    async def restore(self, file_id: str) -> File:
        """Take a deleted file out of the trash, until its purge begins."""
        return File.of(await self._api.call("POST", f"{file_path(file_id)}/restore"))

    async def usage(self) -> Usage:
        """What the owner's files take, and may take."""
        return Usage.of(await self._api.call("GET", "/usage"))

    async def events(self, after: str | None = None) -> AsyncGenerator[Event, None]:
        """Changes of the owner's files as they happen; with the id of an event those since it, first."""
        async with aclosing(follow(self._api, after)) as events:
            async for event in events:
                yield event

    @asynccontextmanager
    async def _sender(self, path: LocalPath, progress: Progress | None) -> AsyncIterator[Sender]:
        async with self._open_files:
            with Source(Path(path)) as source:
                yield Sender(self._api, self._store, self._completing, source, progress)
