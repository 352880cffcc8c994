"""State that survives a killed process: open uploads, and hashes of local files."""

import os
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cli.client.session import Session
from cli.client.verbosity import print_message
from waybill.client.local_file import LocalFile

#: Longer than an upload can stay open, which is a week.
RETENTION_SECONDS = 90 * 24 * 3600

#: Part of the file's name, so that a program never reads a database of another schema.
SCHEMA_VERSION = 1

_TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS hashes (
    path BLOB PRIMARY KEY, state TEXT NOT NULL, sha256 TEXT NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS uploads (
    server TEXT, owner TEXT, sha256 TEXT, name TEXT, file_id TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (server, owner, sha256, name)
);
"""


class UploadState:
    """The state of one user at one server. Commands that run at the same time share it.

    An upload is identified by its content and name, not by its path: the upload of a file that was moved or
    touched continues, and that of a changed file starts again.
    """

    def __init__(self, database: sqlite3.Connection, session: Session) -> None:
        self._database = database
        self._account = (session.url, session.owner)

    def sha256(self, source: LocalFile) -> str | None:
        """Return the stored hash of a file if the file has not changed; None if it has."""
        return self._fetch_value(
            "SELECT sha256 FROM hashes WHERE path = ? AND state = ?", _path_bytes(source), _version(source)
        )

    def save_sha256(self, source: LocalFile, sha256: str) -> None:
        """Store the hash of a file."""
        self._execute(
            "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)",
            *(_path_bytes(source), _version(source), sha256, time.time()),
        )

    def forget_sha256(self, source: LocalFile) -> None:
        """Delete the stored hash of a file."""
        self._execute("DELETE FROM hashes WHERE path = ?", _path_bytes(source))

    def open_upload(self, sha256: str, place: str) -> str | None:
        """Return the id of the open upload of this content; ``place`` is the folder and name of the file."""
        return self._fetch_value(
            "SELECT file_id FROM uploads WHERE server = ? AND owner = ? AND sha256 = ? AND name = ?",
            *(*self._account, sha256, place),
        )

    def begin_upload(self, sha256: str, place: str, file_id: str) -> None:
        """Store an upload, before its first byte is sent."""
        self._execute(
            "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?, ?, ?)",
            *(*self._account, sha256, place, file_id, time.time()),
        )

    def end_upload(self, sha256: str, place: str) -> None:
        """Delete an upload that has ended, or that cannot be resumed."""
        self._execute(
            "DELETE FROM uploads WHERE server = ? AND owner = ? AND sha256 = ? AND name = ?",
            *(*self._account, sha256, place),
        )

    def _fetch_value(self, query: str, *values: str | bytes) -> str | None:
        found = self._database.execute(query, values).fetchone()
        return None if found is None else str(found[0])

    def _execute(self, statement: str, *values: str | bytes | float) -> None:
        self._database.execute(statement, values)


@contextmanager
def open_state(session: Session) -> Iterator[UploadState]:
    """Open the database in $XDG_STATE_HOME/waybill, or in a temporary folder if that is not writable."""
    try:
        state = _state_home() / "waybill"
        database = _open_in(state)
    except (OSError, sqlite3.Error) as error:
        database = _open_in_temporary_folder(error)
    with closing(database):
        yield UploadState(database, session)


def _state_home() -> Path:
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:
        raise OSError("there is no home folder") from None


def _open_in_temporary_folder(reason: Exception) -> sqlite3.Connection:
    """Open a database in a temporary folder of this user, which lasts until the machine restarts.

    The command that creates the folder prints a warning; later commands do not.
    """
    folder = Path(tempfile.gettempdir(), f"waybill-{os.getuid()}")
    is_new = not folder.exists()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        # Another user may have created it first, to read the state.
        if stat.S_IFMT(found.st_mode) != stat.S_IFDIR or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise OSError(f"{folder} is not a private folder of this user")
        database = _open_in(folder)
    except (OSError, sqlite3.Error):
        print_message(
            f"Uploads cannot be stored for resuming ({reason}): a stopped upload starts from the beginning."
        )
        return _open(":memory:")
    if is_new:
        print_message(f"Open uploads are stored in {folder} until a restart ({reason}).")
    return database


def _open_in(folder: Path) -> sqlite3.Connection:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _open(str(folder / f"memory-{SCHEMA_VERSION}.sqlite"))


def _open(place: str) -> sqlite3.Connection:
    database = sqlite3.connect(place, isolation_level=None, timeout=30)
    database.executescript(_TABLES)
    database.execute("DELETE FROM hashes WHERE at < ?", [time.time() - RETENTION_SECONDS])
    database.execute("DELETE FROM uploads WHERE at < ?", [time.time() - RETENTION_SECONDS])
    return database


def _path_bytes(source: LocalFile) -> bytes:
    # As bytes, because not every path is UTF-8.
    return os.fsencode(source.path.absolute())


def _version(source: LocalFile) -> str:
    """Return what changes with the content: size, and two times, of which no program can set the second."""
    return f"{source.size}:{source.modified_ns}:{source.changed_ns}"
