"""`waybill upload`: upload files in parallel, and resume those that an earlier run began."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cli.client.choice import Patterns
from cli.client.exit_codes import DONE, FAILED, code_of, code_of_all
from cli.client.formatting import format_file_count, format_size, printable
from cli.client.local_files import UploadSource, local_files
from cli.client.output import message_about, result_json
from cli.client.piped import spooled
from cli.client.progress import FileProgress, TransferProgress
from cli.client.session import TRANSFER_RETRY_SECONDS, Session
from cli.client.state import UploadState, open_state
from cli.client.verbosity import VERBOSITY, print_message
from waybill.client import (
    AsyncClient,
    ClientError,
    ContentChanged,
    File,
    FileNotFound,
    NotVerified,
    Status,
    UploadGrant,
    WrongState,
)
from waybill.client.errors import FATAL
from waybill.client.local_file import LocalFile
from waybill.client.tasks import Locks
from waybill.client.upload_many import upload_each

INTERRUPTED = "Stopped. The server stores the sent bytes for a day: run the same command again to continue."


Verified = Callable[[], Awaitable[File]]


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """The options of an upload."""

    name: str | None
    folder: str
    metadata: Mapping[str, str]
    content_type: str | None
    multipart: bool | None
    parallel: int
    wait: bool
    json_lines: bool
    max_rate: int | None
    dry_run: bool
    patterns: Patterns


@dataclass(frozen=True, slots=True)
class Outcome:
    """A successful upload: `uploaded`, `sent` (not verified yet), or `present` (stored already)."""

    kind: str
    file: File

    def __str__(self) -> str:
        if self.file.duplicate_of is not None:
            return f"  same content as {self.file.duplicate_of}"
        return {"present": "  already there", "sent": "  not verified yet"}.get(self.kind, "")


async def upload(session: Session, paths: Sequence[Path], options: UploadOptions) -> int:
    """Upload all files; return the exit code."""
    files = local_files(paths, options.patterns, options.name, options.folder)
    if options.dry_run:
        return _print_plan(files, options.name, json_lines=options.json_lines)
    progress = TransferProgress(len(files), sum(file.size for file in files))
    codes: list[int] = []
    with open_state(session) as state, progress.shown():
        async with session.client(
            retry_seconds=TRANSFER_RETRY_SECONDS,
            parallel=options.parallel,
            max_rate=options.max_rate,
            observer=progress,
        ) as client:
            uploader = Uploader(client, state, options, progress)

            async def handle(file: UploadSource) -> None:
                with progress.file(file.path.name, file.size) as bar:
                    codes.append(await uploader.handle(file, bar))

            await upload_each(files, lambda file: file.size, handle, options.parallel)
    progress.summarise(
        {
            f"uploaded to {session.url}": codes.count(DONE) - uploader.present,
            "already there": uploader.present,
            "failed": len(codes) - codes.count(DONE),
        }
    )
    return code_of_all(codes)


def _print_plan(files: Sequence[UploadSource], name: str | None, *, json_lines: bool) -> int:
    """Print the files that would be uploaded, and those that cannot be; return the exit code."""
    good = [file for file in files if file.error is None]
    for file in files:
        path, error = file.path, file.error
        if error is not None:
            print_message(message_about(str(path), error))
        if json_lines:
            print(result_json("would_upload" if error is None else "failed", path=str(path), error=error))
        elif error is None:
            stored = file.folder + (name or path.name)
            target = "" if stored == str(path) else f"  as {stored}"
            print(printable(f"would upload {format_size(file.size):>9}  {path}{target}"))
    total = format_size(sum(file.size for file in good))
    print_message(f"dry run: {format_file_count(len(good))}, {total}; nothing was sent")
    return DONE if len(good) == len(files) else FAILED


class Uploader:
    """Uploads single files. Calls may run at the same time."""

    def __init__(
        self, client: AsyncClient, state: UploadState, options: UploadOptions, progress: TransferProgress
    ) -> None:
        self._client = client
        self._state = state
        self._options = options
        self._progress = progress
        self._contents = Locks[str]()
        self.present = 0

    async def handle(self, local: UploadSource, bar: FileProgress) -> int:
        """Upload a file and print the outcome; return its exit code.

        Raises:
            Unauthenticated, Forbidden, Unreachable: every other file would fail too.
        """
        path = local.path
        try:
            if local.error is not None:
                raise local.error
            name = self._options.name or path.name
            if local.is_pipe:
                bar.reading()
                async with spooled(path) as content:
                    outcome = await self._upload(content, local.folder, name, bar)
            else:
                outcome = await self._upload(path, local.folder, name, bar)
        except FATAL:
            raise
        except (ClientError, OSError) as error:
            self._progress.print_message(message_about(str(path), error))
            if self._options.json_lines:
                self._progress.print(result_json("failed", path=str(path), error=error))
            return code_of(error)
        self.present += outcome.kind == "present"
        file = outcome.file
        if self._options.json_lines:
            self._progress.print(result_json(outcome.kind, path=str(path), file=file))
        elif VERBOSITY.quiet:
            self._progress.print(file.id)
        else:
            self._progress.print(f"{file.id}  {format_size(file.size):>9}  {file.path}{outcome}")
        return DONE

    async def _upload(self, path: Path, folder: str, name: str, bar: FileProgress) -> Outcome:
        with LocalFile(path) as source:
            sha256 = self._state.sha256(source)
            if sha256 is None:
                sha256 = await source.sha256(bar.hashing)
                self._state.save_sha256(source, sha256)
        place = folder + name
        # Of several files with one content the first is sent. The others wait, and find it stored.
        async with self._contents[sha256] if self._options.wait else nullcontext():
            try:
                file = await self._resume(path, bar, sha256, place)
                if file is not None:
                    return await self._finish(file, bar, partial(self._client.wait, file.id))
                grant = await self._request(source, sha256, folder, name)
                if not grant.is_open:
                    return Outcome("present", grant.file)
                async with self._wait_in_background(grant.file.id) as verified:
                    file = await self._client.send(path, grant, progress=bar.moving)
                    self._state.end_upload(sha256, place)
                    return await self._finish(file, bar, verified)
            except (ContentChanged, NotVerified):
                # The stored hash may be of other content, written within the resolution of the modification
                # time.
                self._state.forget_sha256(source)
                self._state.end_upload(sha256, place)
                raise

    async def _resume(self, path: Path, bar: FileProgress, sha256: str, place: str) -> File | None:
        """Resume the upload that an earlier run began, and return its file; None if there is none."""
        file_id = self._state.open_upload(sha256, place)
        if file_id is None:
            return None
        try:
            file = await self._client.resume(path, file_id, progress=bar.moving)
        except (WrongState, FileNotFound):
            file = None  # it has expired, or was deleted
        self._state.end_upload(sha256, place)
        return None if file is None or file.status is Status.FAILED else file

    def _wait_in_background(self, file_id: str) -> AbstractAsyncContextManager[Verified | None]:
        return self._client.waiter(file_id) if self._options.wait else nullcontext()

    async def _finish(self, file: File, bar: FileProgress, verified: Verified | None) -> Outcome:
        if not self._options.wait or verified is None:
            return Outcome("sent", file)
        bar.verifying()
        return Outcome("uploaded", await verified())

    async def _request(self, source: LocalFile, sha256: str, folder: str, name: str) -> UploadGrant:
        grant = await self._client.request_upload(
            name,
            source.size,
            content_type=self._options.content_type,
            folder=folder,
            metadata=self._options.metadata,
            sha256=sha256,
            multipart=self._options.multipart,
        )
        if grant.is_open:
            self._state.begin_upload(sha256, folder + name, grant.file.id)
        return grant
