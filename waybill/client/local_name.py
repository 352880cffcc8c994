"""The name under which a downloaded file is saved in a folder.

An uploader chose the name, and the server may be hostile. The name must not leave the folder, hide the file,
or control a terminal.
"""

import os
import sys
import unicodedata
from pathlib import PurePath

#: The longest name if the file system does not report it. Source: NAME_MAX of Linux and macOS.
NAME_MAX_BYTES = 255

#: The longest extension that a shortened name retains: ".mp4", ".sha256sum".
MAX_SUFFIX_CHARACTERS = 16

_REORDERING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_ZERO_WIDTH_JOINER = "\u200d"


def local_name(name: str, *, fallback: str, max_bytes: int = NAME_MAX_BYTES) -> str:
    """Return ``name`` as it can be saved.

    A name that is a path is replaced by ``fallback``. A leading dot becomes "_", as in Chromium, because
    shells and other programs read hidden files automatically (``.bashrc``). So do control characters, line
    ends, characters that change the reading direction, and those that this file system cannot encode. A name
    that is too long loses letters before its extension.

    Args:
        name: the name from the server.
        fallback: the id of the file, used if the name is a path.
        max_bytes: the longest name of the file system, in bytes.
    """
    for candidate in (name, fallback, "download"):
        if candidate not in {"", ".", ".."} and not set(candidate) & {"/", "\\", "\0"}:
            plain = "".join("_" if _is_unsafe(letter) else letter for letter in candidate)
            return _shortened("_" + plain[1:] if plain.startswith(".") else plain, max_bytes)
    raise AssertionError("the last candidate is plain")


def longest_name(folder: os.PathLike[str]) -> int:
    """Return the bytes of the longest name in a folder."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (OSError, ValueError):
        return NAME_MAX_BYTES


def is_unprintable(letter: str) -> bool:
    """Return whether a character moves the cursor, changes colours, breaks or reverses the line."""
    is_control = unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}
    return is_control or unicodedata.bidirectional(letter) in _REORDERING


def _is_unsafe(letter: str) -> bool:
    if is_unprintable(letter):
        return True
    try:
        letter.encode(sys.getfilesystemencoding())
    except UnicodeEncodeError:
        return True
    return False


def _shortened(name: str, max_bytes: int) -> str:
    if len(os.fsencode(name)) <= max_bytes:
        return name
    suffix = PurePath(name).suffix
    if len(suffix) > MAX_SUFFIX_CHARACTERS:
        suffix = ""
    stem = name.removesuffix(suffix)
    end = len(stem)
    while end and (len(os.fsencode(stem[:end] + suffix)) > max_bytes or _continues(stem, end)):
        end -= 1
    return stem[:end] + suffix


def _continues(text: str, position: int) -> bool:
    """Return whether ``position`` is within a visible letter: before an accent or a joined character."""
    return position < len(text) and (
        unicodedata.combining(text[position]) > 0
        or unicodedata.category(text[position]).startswith("M")
        or "\U0001f3fb" <= text[position] <= "\U0001f3ff"
        or _ZERO_WIDTH_JOINER in text[position - 1 : position + 1]
    )
