"""The caller of a request."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, from the token. Every query is limited to ``owner``.

    ``until`` is when the token expires, in seconds since the epoch.
    """

    owner: str
    admin: bool = False
    until: float = math.inf


def is_storable(text: str) -> bool:
    """Return whether a text is valid UTF-8.

    JSON can contain half a surrogate pair, which MongoDB cannot store.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
