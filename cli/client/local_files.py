"""The local files that an upload sends, and the paths that it cannot send."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from cli.client.choice import Patterns
from cli.client.piped import is_pipe

#: Names of the file types that are neither a file nor a folder.
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class UploadSource(NamedTuple):
    """A file to send or, with an ``error``, a path that cannot be sent."""

    path: Path
    #: Bytes.
    size: int = 0
    error: OSError | None = None
    #: The size of a pipe is known only after it has been read.
    is_pipe: bool = False
    #: The folder on the server.
    folder: str = ""


def local_files(
    paths: Sequence[Path], patterns: Patterns, name: str | None, folder: str = ""
) -> list[UploadSource]:
    """Return the files, and those in folders at any depth.

    A file in a folder keeps its path from the name of that folder on: ``photos/2026/a.jpg`` of ``photos``. A
    path that ends without a name, such as ``.``, adds none.

    Args:
        paths: files, folders, pipes, and - for standard input.
        patterns: select the files. A file that they exclude is not an error.
        name: the name to store the only file under; None for their own names.
        folder: the folder on the server in which all are stored.
    """
    found: list[UploadSource] = []
    for path in paths:
        if is_pipe(path):
            found.append(UploadSource(path, is_pipe=True, folder=folder))
            continue
        if not os.path.isdir(path):
            found += [_examine(path, folder)] * patterns.match(PurePath(path.name))
            continue
        inside = list(_inside(path, patterns, folder))
        if not inside and not patterns:
            inside = [
                UploadSource(
                    path, error=OSError(f"{path}: This folder contains no files. Name another folder.")
                )
            ]
        found += inside
    return [_check_name(file, name) for file in found]


def is_missing(path: Path) -> bool:
    """Return whether nothing exists at ``path``. An unreadable path counts as existing."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _inside(root: Path, patterns: Patterns, folder: str) -> Iterator[UploadSource]:
    if root.name not in {"", ".."}:
        folder += f"{root.name}/"
    unreadable: list[OSError] = []
    for here, folders, names in os.walk(root, onerror=unreadable.append):
        below = "".join(f"{part}/" for part in Path(here).relative_to(root).parts)
        for path in (Path(here, name) for name in sorted(names)):
            if patterns.match(path.relative_to(root)):
                yield _examine(path, folder + below)
        for path in (Path(here, name) for name in sorted(folders)):
            if path.is_symlink():
                error = OSError(
                    f"{path}: This is a link to a folder, which is not followed. Name the folder itself."
                )
                yield UploadSource(path, error=error)
    for error in unreadable:
        yield UploadSource(Path(error.filename), error=error)


def _examine(path: Path, folder: str) -> UploadSource:
    try:
        found = path.stat()
    except OSError as error:
        return UploadSource(path, error=error)
    if stat.S_ISREG(found.st_mode):
        return UploadSource(path, found.st_size, folder=folder)
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
    return UploadSource(path, error=OSError(f"{path}: This is {kind}, not a file."))


def _check_name(file: UploadSource, name: str | None) -> UploadSource:
    """Return the file, with an error if its name or folder is not UTF-8: file systems allow any bytes."""
    if file.error is None and not _is_text(name or file.path.name):
        problem = "Its name is not UTF-8. Rename it, or upload it alone with --name."
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
