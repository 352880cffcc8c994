"""What outlives a killed process: which uploads are open, and what files hash to."""

import os
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cli.client.session import Session
from cli.client.verbosity import complain
from waybill.client.source import Source

#: Seconds. Nothing is remembered for longer: an upload may stay open for a week.
KEPT = 90 * 24 * 3600

#: Raised, lest an older program misread what a newer one wrote.
VERSION = 1

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


class Memory:
    """Shared by all commands that run at once.

    An upload is known by its content rather than by its place: a file that was moved or touched meanwhile
    goes on where it stopped, and one that was changed begins anew.
    """

    def __init__(self, database: sqlite3.Connection, session: Session) -> None:
        self._database = database
        self._whose = (session.url, session.owner)

    def sha256(self, source: Source) -> str | None:
        """What the file was hashed to, if it has not changed since."""
        return self._one(
            "SELECT sha256 FROM hashes WHERE path = ? AND state = ?", _place(source), _state(source)
        )

    def keep_sha256(self, source: Source, sha256: str) -> None:
        """Remember a hash."""
        self._do(
            "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)",
            *(_place(source), _state(source), sha256, time.time()),
        )

    def forget_sha256(self, source: Source) -> None:
        """Hash the file again the next time."""
        self._do("DELETE FROM hashes WHERE path = ?", _place(source))

    def open_upload(self, sha256: str, place: str) -> str | None:
        """Return the id of the open upload of this content; ``place`` is the folder and name of the file."""
        return self._one(
            "SELECT file_id FROM uploads WHERE server = ? AND owner = ? AND sha256 = ? AND name = ?",
            *(*self._whose, sha256, place),
        )

    def begin_upload(self, sha256: str, place: str, file_id: str) -> None:
        """Remember an upload, before its first byte is sent."""
        self._do(
            "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?, ?, ?)",
            *(*self._whose, sha256, place, file_id, time.time()),
        )

    def end_upload(self, sha256: str, place: str) -> None:
        """Forget an upload that needs nothing more from us, or can get nothing more."""
        self._do(
            "DELETE FROM uploads WHERE server = ? AND owner = ? AND sha256 = ? AND name = ?",
            *(*self._whose, sha256, place),
        )

    def _one(self, query: str, *values: str | bytes) -> str | None:
        found = self._database.execute(query, values).fetchone()
        return None if found is None else str(found[0])

    def _do(self, statement: str, *values: str | bytes | float) -> None:
        self._database.execute(statement, values)


@contextmanager
def open_memory(session: Session) -> Iterator[Memory]:
    """Open the database in $XDG_STATE_HOME/waybill, or in a temporary folder if that cannot be written."""
    try:
        state = _state_home() / "waybill"
        database = _opened_in(state)
    except (OSError, sqlite3.Error) as error:
        database = _opened_elsewhere(error)
    with closing(database):
        yield Memory(database, session)


def _state_home() -> Path:
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:
        raise OSError("there is no home folder") from None


def _opened_elsewhere(reason: Exception) -> sqlite3.Connection:
    """Open a database in a temporary folder of this user, which survives until the machine restarts.

    A warning is printed when the folder is created, and not by each command after that.
    """
    folder = Path(tempfile.gettempdir(), f"waybill-{os.getuid()}")
    is_new = not folder.exists()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        # Another user may have created it first, to read what is remembered.
        if stat.S_IFMT(found.st_mode) != stat.S_IFDIR or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise OSError(f"{folder} is not a private folder of this user")
        database = _opened_in(folder)
    except (OSError, sqlite3.Error):
        complain(f"Stopped uploads cannot be remembered ({reason}), so they start again from the beginning.")
        return _opened(":memory:")
    if is_new:
        complain(f"Stopped uploads are remembered in {folder} until a restart ({reason}).")
    return database


def _opened_in(folder: Path) -> sqlite3.Connection:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _opened(str(folder / f"memory-{VERSION}.sqlite"))


def _opened(place: str) -> sqlite3.Connection:
    database = sqlite3.connect(place, isolation_level=None, timeout=30)
    database.executescript(_TABLES)
    database.execute("DELETE FROM hashes WHERE at < ?", [time.time() - KEPT])
    database.execute("DELETE FROM uploads WHERE at < ?", [time.time() - KEPT])
    return database


def _place(source: Source) -> bytes:
    # As bytes, for not every name is a text.
    return os.fsencode(source.path.absolute())


def _state(source: Source) -> str:
    """What differs when the content does: time and size, and the time that no program can set back."""
    return f"{source.size}:{source.modified_ns}:{source.changed_ns}"
