"""Which local files an upload sends, and what it cannot send."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from cli.client.choice import Patterns
from cli.client.piped import is_pipe

#: What is neither a file nor a folder, by the type in its mode.
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class LocalFile(NamedTuple):
    """A file to send, or if there is an ``error``, what cannot be sent."""

    path: Path
    #: Bytes.
    size: int = 0
    error: OSError | None = None
    #: Its size is known when it has been read.
    is_pipe: bool = False
    #: The folder on the server.
    folder: str = ""


def local_files(
    paths: Sequence[Path], patterns: Patterns, name: str | None, folder: str = ""
) -> list[LocalFile]:
    """Return the files, and those in folders at any depth.

    A file in a folder keeps its path from the name of that folder on: ``photos/2026/a.jpg`` of ``photos``. A
    path that ends without a name, such as ``.``, adds none.

    Args:
        paths: files, folders, pipes, and - for standard input.
        patterns: which files are wanted. What else they leave out is not an error.
        name: the name to store the only file under; None for their own names.
        folder: the folder on the server in which all are stored.
    """
    found: list[LocalFile] = []
    for path in paths:
        if is_pipe(path):
            found.append(LocalFile(path, is_pipe=True, folder=folder))
            continue
        if not os.path.isdir(path):
            found += [_looked_at(path, folder)] * patterns.admit(PurePath(path.name))
            continue
        inside = list(_inside(path, patterns, folder))
        if not inside and not patterns:
            inside = [LocalFile(path, error=OSError(f"{path}: There is no file in this folder."))]
        found += inside
    return [_with_good_name(file, name) for file in found]


def is_missing(path: Path) -> bool:
    """Return whether there is nothing at ``path``. What cannot be looked at may be there."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _inside(root: Path, patterns: Patterns, folder: str) -> Iterator[LocalFile]:
    if root.name not in {"", ".."}:
        folder += f"{root.name}/"
    unreadable: list[OSError] = []
    for here, folders, names in os.walk(root, onerror=unreadable.append):
        below = "".join(f"{part}/" for part in Path(here).relative_to(root).parts)
        for path in (Path(here, name) for name in sorted(names)):
            if patterns.admit(path.relative_to(root)):
                yield _looked_at(path, folder + below)
        for path in (Path(here, name) for name in sorted(folders)):
            if path.is_symlink():
                error = OSError(f"{path}: Links to folders are not followed. Name the folder itself.")
                yield LocalFile(path, error=error)
    for error in unreadable:
        yield LocalFile(Path(error.filename), error=error)


def _looked_at(path: Path, folder: str) -> LocalFile:
    try:
        found = path.stat()
    except OSError as error:
        return LocalFile(path, error=error)
    if stat.S_ISREG(found.st_mode):
        return LocalFile(path, found.st_size, folder=folder)
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
    return LocalFile(path, error=OSError(f"{path}: This is {kind}, not a file."))


def _with_good_name(file: LocalFile, name: str | None) -> LocalFile:
    """Return the file, with an error if its name or folder is not UTF-8: file systems allow any bytes."""
    if file.error is None and not _is_text(name or file.path.name):
        problem = "Its name is not UTF-8. Rename it, or send it alone with --name."
    elif file.error is None and not _is_text(file.folder):
        problem = "The name of its folder is not UTF-8. Rename the folder."
    else:
        return file
    return file._replace(error=OSError(f"{file.path}: {problem}"))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
