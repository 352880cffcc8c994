"""Object keys: ours alone, and without a word of the client's."""

import re
import secrets

#: Bucket rules and the search for orphans rely on it.
KEY_PREFIX = "files/"

_KEY = re.compile(rf"{KEY_PREFIX}([0-9a-f]{{24}})/[0-9a-f]{{32}}")


def make_key(file_id: str) -> str:
    """Return a key that holds the id of its file, and cannot be guessed."""
    return f"{KEY_PREFIX}{file_id}/{secrets.token_hex(16)}"


def made_for(key: str) -> str | None:
    """Return the id of the file that a key was made for, which may no longer be its file.

    None for a key that is not of our making.
    """
    match = _KEY.fullmatch(key)
    return None if match is None else match[1]
