"""`waybill upload`: many files, several at once, each taken up where an earlier try stopped."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cli.client.board import Board, FileBar
from cli.client.choice import Patterns
from cli.client.exits import DONE, FAILED, code_of, code_of_all
from cli.client.lines import about, result
from cli.client.local_files import LocalFile, local_files
from cli.client.memory import Memory, open_memory
from cli.client.piped import spooled
from cli.client.session import LONG, Session
from cli.client.verbosity import VERBOSITY, complain
from cli.client.words import files_in_words, printable, size_in_words
from waybill.client import (
    Announced,
    AsyncClient,
    ClientError,
    ContentChanged,
    File,
    FileNotFound,
    NotVerified,
    Status,
    WrongState,
)
from waybill.client.many import FATAL, upload_each
from waybill.client.source import Source

INTERRUPTED = "Stopped. The server keeps what was sent for a day: run the same command again to continue."


Verified = Callable[[], Awaitable[File]]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to upload."""

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
    """How an upload succeeded: `uploaded`, `sent`, or `present` if its content was stored already."""

    word: str
    file: File

    def __str__(self) -> str:
        if self.file.duplicate_of is not None:
            return f"  same content as {self.file.duplicate_of}"
        return {"present": "  already there", "sent": "  not verified yet"}.get(self.word, "")


async def upload(session: Session, paths: Sequence[Path], wishes: Wishes) -> int:
    """Upload all files; the exit code."""
    files = local_files(paths, wishes.patterns, wishes.name, wishes.folder)
    if wishes.dry_run:
        return _show(files, wishes.name, json_lines=wishes.json_lines)
    board = Board(len(files), sum(file.size for file in files))
    codes: list[int] = []
    with open_memory(session) as memory, board.shown():
        async with session.client(
            patience=LONG, parallel=wishes.parallel, max_rate=wishes.max_rate, observer=board
        ) as client:
            uploader = Uploader(client, memory, wishes, board)

            async def handle(file: LocalFile) -> None:
                with board.file(file.path.name, file.size) as bar:
                    codes.append(await uploader.handle(file, bar))

            await upload_each(files, lambda file: file.size, handle, wishes.parallel)
    board.summarise(
        {
            f"uploaded to {session.url}": codes.count(DONE) - uploader.present,
            "already there": uploader.present,
            "failed": len(codes) - codes.count(DONE),
        }
    )
    return code_of_all(codes)


def _show(files: Sequence[LocalFile], name: str | None, *, json_lines: bool) -> int:
    """Print what would be uploaded, and what cannot be; return the exit code."""
    good = [file for file in files if file.error is None]
    for file in files:
        path, error = file.path, file.error
        if error is not None:
            complain(about(str(path), error))
        if json_lines:
            print(result("would_upload" if error is None else "failed", path=str(path), error=error))
        elif error is None:
            stored = file.folder + (name or path.name)
            target = "" if stored == str(path) else f"  as {stored}"
            print(printable(f"would upload {size_in_words(file.size):>9}  {path}{target}"))
    total = size_in_words(sum(file.size for file in good))
    complain(f"dry run: {files_in_words(len(good))}, {total}; nothing was sent")
    return DONE if len(good) == len(files) else FAILED


class Uploader:
    """Uploads one file after the other, any number at once."""

    def __init__(self, client: AsyncClient, memory: Memory, wishes: Wishes, board: Board) -> None:
        self._client = client
        self._memory = memory
        self._wishes = wishes
        self._board = board
        self.present = 0

    async def handle(self, local: LocalFile, bar: FileBar) -> int:
        """Upload a file and say what came of it; the exit code for it.

        Raises:
            Unauthenticated, Forbidden, Unreachable: no other file would fare better.
        """
        path = local.path
        try:
            if local.error is not None:
                raise local.error
            name = self._wishes.name or path.name
            if local.is_pipe:
                bar.reading()
                async with spooled(path) as content:
                    outcome = await self._upload(content, local.folder, name, bar)
            else:
                outcome = await self._upload(path, local.folder, name, bar)
        except FATAL:
            raise
        except (ClientError, OSError) as error:
            self._board.say(about(str(path), error))
            if self._wishes.json_lines:
                self._board.print(result("failed", path=str(path), error=error))
            return code_of(error)
        self.present += outcome.word == "present"
        file = outcome.file
        if self._wishes.json_lines:
            self._board.print(result(outcome.word, path=str(path), file=file))
        elif VERBOSITY.quiet:
            self._board.print(file.id)
        else:
            self._board.print(f"{file.id}  {size_in_words(file.size):>9}  {file.path}{outcome}")
        return DONE

    async def _upload(self, path: Path, folder: str, name: str, bar: FileBar) -> Outcome:
        place = folder + name
        with Source(path) as source:
            sha256 = self._memory.sha256(source)
            if sha256 is None:
                sha256 = await source.sha256(bar.hashing)
                self._memory.keep_sha256(source, sha256)
        try:
            file = await self._resumed(path, bar, sha256, place)
            if file is not None:
                return await self._ended(file, bar, partial(self._client.wait, file.id))
            announced = await self._announced(source, sha256, folder, name)
            if not announced.is_open:
                return Outcome("present", announced.file)
            async with self._expecting(announced.file.id) as verified:
                file = await self._client.send(path, announced, progress=bar.moving)
                self._memory.end_upload(sha256, place)
                return await self._ended(file, bar, verified)
        except (ContentChanged, NotVerified):
            # What we remembered may be of other content that was written in the same moment.
            self._memory.forget_sha256(source)
            self._memory.end_upload(sha256, place)
            raise

    async def _resumed(self, path: Path, bar: FileBar, sha256: str, place: str) -> File | None:
        """The file of an upload that an earlier try began, now sent; None where there is none."""
        file_id = self._memory.open_upload(sha256, place)
        if file_id is None:
            return None
        try:
            file = await self._client.resume(path, file_id, progress=bar.moving)
        except (WrongState, FileNotFound):
            file = None  # it has expired, or was deleted
        if file is None or file.status is Status.FAILED:
            file = None
        self._memory.end_upload(sha256, place)
        return file

    def _expecting(self, file_id: str) -> AbstractAsyncContextManager[Verified | None]:
        return self._client.expecting(file_id) if self._wishes.wait else nullcontext()

    async def _ended(self, file: File, bar: FileBar, verified: Verified | None) -> Outcome:
        if not self._wishes.wait or verified is None:
            return Outcome("sent", file)
        bar.verifying()
        return Outcome("uploaded", await verified())

    async def _announced(self, source: Source, sha256: str, folder: str, name: str) -> Announced:
        announced = await self._client.announce(
            name,
            source.size,
            content_type=self._wishes.content_type,
            folder=folder,
            metadata=self._wishes.metadata,
            sha256=sha256,
            multipart=self._wishes.multipart,
        )
        if announced.is_open:
            self._memory.begin_upload(sha256, folder + name, announced.file.id)
        return announced
