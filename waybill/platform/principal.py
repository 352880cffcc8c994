"""Who calls."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, as its token names it. Every query is scoped to ``owner``.

    ``until`` is when the token is good no more, in seconds since the epoch.
    """

    owner: str
    admin: bool = False
    until: float = math.inf


def is_storable(text: str) -> bool:
    """Whether a text can be written as UTF-8. JSON can carry half a character, and MongoDB cannot keep it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
