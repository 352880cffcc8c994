"""Object keys. Waybill makes them, without any text of the client."""

import re
import secrets

#: The prefix of all keys. Bucket rules and the search for orphans depend on it.
KEY_PREFIX = "files/"

_KEY = re.compile(rf"{KEY_PREFIX}([0-9a-f]{{24}})/[0-9a-f]{{32}}")


def make_key(file_id: str) -> str:
    """Return a key that contains the id of its file and cannot be guessed."""
    return f"{KEY_PREFIX}{file_id}/{secrets.token_hex(16)}"


def made_for(key: str) -> str | None:
    """Return the id of the file that a key was made for. The object may belong to another file by now.

    Returns None for a key that Waybill did not make.
    """
    match = _KEY.fullmatch(key)
    return None if match is None else match[1]
