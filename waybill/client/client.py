"""The client of a Waybill server, for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import aiohttp

from waybill.client.api import Api, Token, checked_address, checked_token, file_path
from waybill.client.bandwidth import BandwidthLimit
from waybill.client.batching import COMPLETE, REQUEST_UPLOAD, Batcher
from waybill.client.destination import LocalPath, SavedFiles
from waybill.client.download import Downloader, verified
from waybill.client.events import follow
from waybill.client.folder_operations import OperationOptions, get_operation, run_operation
from waybill.client.listing import Filters, count_files, list_files
from waybill.client.local_file import LocalFile, Progress
from waybill.client.models import Event, File, Operation, UploadGrant, Usage
from waybill.client.observer import NoObserver, Observer
from waybill.client.store import Store
from waybill.client.tasks import Locks
from waybill.client.upload import MAX_OPEN_FILES, Uploader
from waybill.client.upload_many import UploadOutcome, outcomes
from waybill.client.upload_request import UploadOptions, upload_request_body
from waybill.client.waiter import Waiter


class AsyncClient:
    """Uploads and downloads files, as the owner that the token names.

    Args:
        url: the server's address, such as ``https://files.example.com``.
        token: a bearer token, or a function that returns one for each request.
        retry_seconds: how long requests are retried while a server is unavailable or the connection is
            broken, counted from the last progress. The first request is retried for two seconds at most,
            because an address that never answered is more likely wrong.
        parallel: how many requests transfer data at the same time, over all files.
        max_rate: bytes per second that all uploads and downloads together may use, or None for no limit.
        observer: is called for each request and each retry.

    Use it as a context (``async with``). It raises subclasses of ``ClientError``, and OSError for local
    files. It does not log.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        retry_seconds: float = 60,
        parallel: int = 4,
        max_rate: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._url = checked_address(url)
        self._token = checked_token(token) if isinstance(token, str) else token
        self._retry_seconds = retry_seconds
        self._parallel = parallel
        self._limit = BandwidthLimit(max_rate)
        self._observer = observer or NoObserver()
        self._saved = SavedFiles()
        # An upload waits for others of its content, and finds it stored.
        self._contents = Locks[str]()
        self._open_files = asyncio.Semaphore(MAX_OPEN_FILES)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # ``parallel`` is the limit
            # Sizes and ranges refer to the stored bytes.
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
        )
        self._api = Api(self._session, self._url, self._token, self._retry_seconds, self._observer)
        self._store = Store(self._session, self._parallel, self._limit, self._observer)
        self._waiter = Waiter(self._api)
        self._upload_requests = Batcher(self._api, REQUEST_UPLOAD)
        self._completions = Batcher(self._api, COMPLETE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._upload_requests.close()
        await self._completions.close()
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
        """Hash a file, request an upload, send the content, complete it, and wait for verification.

        If its content is stored already, nothing is sent: the result is the file of that folder, name and
        type, or a new DUPLICATE. By default the name is that of the local file. ``UploadOptions`` lists the
        other arguments. To resume an upload later, use ``request_upload`` and ``send``.

        Returns:
            The verified file, COMPLETED or DUPLICATE. Without ``wait``, the file in its current status.

        Raises:
            NotVerified: the stored content is not what was sent.
            ContentChanged: the local file changed during the upload.
        """
        path = Path(path)
        with LocalFile(path) as source:
            sha256 = sha256 or await source.sha256()
        async with self._contents[sha256] if wait else nullcontext():
            grant = await self.request_upload(name or path.name, source.size, sha256=sha256, **options)
            if not (grant.is_open and wait):
                return await self.send(path, grant, progress=progress) if grant.is_open else grant.file
            async with self.waiter(grant.file.id) as wait_for_end:
                await self.send(path, grant, progress=progress)
                return await wait_for_end()

    async def upload_many(
        self, paths: Iterable[LocalPath], *, wait: bool = True, **options: Unpack[UploadOptions]
    ) -> AsyncGenerator[UploadOutcome, None]:
        """Upload files, and yield the outcome of each as it ends. The arguments are those of ``upload``.

        Small files share requests: a hundred need two requests and the PUTs. A failed file does not stop
        others.

        Raises:
            Unauthenticated, Forbidden, Unreachable: every other file would fail too.
        """
        upload = partial(self.upload, wait=wait, **options)
        async with aclosing(outcomes(map(Path, paths), upload, self._parallel)) as ended:
            async for outcome in ended:
                yield outcome

    async def request_upload(
        self, name: str, size: int, *, sha256: str | None = None, **options: Unpack[UploadOptions]
    ) -> UploadGrant:
        """Request an upload, to ``send`` it later. The arguments are those of ``upload``.

        Calls at the same time share requests. So do the completions of ``send``.
        """
        body = upload_request_body(name, size, sha256, **options)
        return UploadGrant.from_json(await self._upload_requests.call(body))

    async def send(self, path: LocalPath, grant: UploadGrant, *, progress: Progress | None = None) -> File:
        """Send and complete a requested upload. If it fails, ``resume`` can continue it."""
        async with self._uploader(path, progress) as uploader:
            return await uploader.send(grant)

    async def resume(self, path: LocalPath, file_id: str, *, progress: Progress | None = None) -> File:
        """Resume an upload that this or another process began. Sends only the missing bytes.

        Raises:
            WrongState: the upload has expired, or the file was deleted. Upload it again.
            FileNotFound: there is no file with this id.
            ContentChanged: the size of the local file is not the requested one.
        """
        async with self._uploader(path, progress) as uploader:
            return await uploader.resume(file_id)

    async def wait(self, file_id: str) -> File:
        """Return the file when it is COMPLETED or DUPLICATE. Limit the time with ``asyncio.timeout``.

        Raises:
            NotVerified: it ended FAILED or EXPIRED, or was deleted.
        """
        return await self._waiter.end_of(file_id)

    def waiter(self, file_id: str) -> AbstractAsyncContextManager[Callable[[], Awaitable[File]]]:
        """Start to wait before a file is sent. Yields a function that does what ``wait`` does.

        Around ``send``, it saves the request that ``wait`` needs for each file.
        """
        return self._waiter.listen(file_id)

    async def get(self, file_id: str) -> File:
        """Return a file. It may be deleted."""
        return File.from_json(*await self._api.call_for_etag("GET", file_path(file_id)))

    async def files(self, **filters: Unpack[Filters]) -> AsyncGenerator[File, None]:
        """Yield all files that match the filters, page after page; docs/reference/lists.md explains them."""
        async with aclosing(list_files(self._api, filters)) as files:
            async for file in files:
                yield file

    async def count(self, **filters: Unpack[Filters]) -> int | None:
        """Return how many files match the filters, or None if the server would need too long to count."""
        return await count_files(self._api, filters)

    async def download(
        self,
        file: File | str,
        target: LocalPath,
        *,
        progress: Progress | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write a file to ``target``, or into it under the file's own name if that is a folder.

        A ``target`` that ends with a slash is a folder, which is created if it does not exist. The file
        appears only when it is complete and its SHA-256 is correct. Bytes received before a connection broke
        or a process died are not requested again. A pipe or a character device receives the bytes as they
        arrive.

        Args:
            file: the file, or its id, which needs one more request.
            target: where to save it. In a folder its name is made safe (``local_name``).
            progress: called with the received bytes, and the size.
            overwrite: replace an existing file with other content, unless this client saved it.

        Returns:
            The path of the saved file.

        Raises:
            WrongState: the file has no stored content.
            ContentChanged: the received content is not the verified one.
            FileExistsError: the path has other content.
        """
        file = await self.get(file) if isinstance(file, str) else file
        file = await verified(self._api, file)
        downloader = Downloader(self._api, self._store, file, progress)
        return await self._saved.save(downloader, target, file, overwrite=overwrite)

    async def content(self, file_id: str, *, progress: Progress | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the content of a file in chunks. Raises as ``download`` does, ContentChanged at the end."""
        file = await verified(self._api, await self.get(file_id))
        downloader = Downloader(self._api, self._store, file, progress)
        async with aclosing(downloader.content()) as content:
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
        """Update the properties of a file. An argument that is None changes nothing.

        Args:
            folder: the new folder; the empty one is the top.
            metadata: pairs to set. Other pairs stay, and a value of None removes its pair.
            if_match: the ``etag`` of the file: update it only if it has not changed since.

        Raises:
            PreconditionFailed: it has changed. Also if the response to the update was lost.
            WrongState: the file is deleted.
        """
        changes = {"name": name, "contentType": content_type, "folder": folder, "metadata": metadata}
        body = {field: value for field, value in changes.items() if value is not None}
        headers = {} if if_match is None else {"If-Match": if_match}
        return File.from_json(
            *await self._api.call_for_etag("PATCH", file_path(file_id), body=body, headers=headers)
        )

    async def delete(self, file_id: str) -> File:
        """Delete a file. Safe to repeat."""
        return File.from_json(await self._api.call("DELETE", file_path(file_id)))

    async def move_folder(self, folder: str, to: str, **options: Unpack[OperationOptions]) -> Operation:
        """Move a folder with all folders below it; the empty ``to`` is the top. Raises OperationFailed."""
        return await run_operation(self._api, "/folders/move", {"from": folder, "to": to}, **options)

    async def delete_folder(self, folder: str, **options: Unpack[OperationOptions]) -> Operation:
        """Delete a folder with all folders below it. Raises OperationFailed."""
        return await run_operation(self._api, "/folders/delete", {"folder": folder}, **options)

    async def operation(self, operation_id: str) -> Operation:
        """Return an operation that ``move_folder`` or ``delete_folder`` has begun."""
        return await get_operation(self._api, operation_id)

    async def restore(self, file_id: str) -> File:
        """Restore a deleted file, until its purge begins."""
        return File.from_json(await self._api.call("POST", f"{file_path(file_id)}/restore"))

    async def usage(self) -> Usage:
        """Return the space that the owner's files use, and the quota."""
        return Usage.from_json(await self._api.call("GET", "/usage"))

    async def events(self, after: str | None = None) -> AsyncGenerator[Event, None]:
        """Yield changes of the owner's files as they happen. With an event id, start after that event."""
        async with aclosing(follow(self._api, after)) as events:
            async for event in events:
                yield event

    @asynccontextmanager
    async def _uploader(self, path: LocalPath, progress: Progress | None) -> AsyncIterator[Uploader]:
        async with self._open_files:
            with LocalFile(Path(path)) as source:
                yield Uploader(self._api, self._store, self._completions, source, progress)
