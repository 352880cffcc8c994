"""Who calls."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, as its token names it. Every query is scoped to ``owner``."""

    owner: str
    admin: bool = False
