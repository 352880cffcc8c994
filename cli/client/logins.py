"""Where somebody has signed in: one token for each server, in a file for its owner's eyes alone."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stack.folder import write_private


@dataclass
class Logins:
    """The tokens by server, and the server that is meant where none is named."""

    current: str | None = None
    tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Logins":
        """What was kept. A spoilt file counts as none: whoever signs in again mends it."""
        try:
            kept = json.loads(place().read_text())
            return cls(kept["current"], dict(kept["tokens"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self) -> None:
        """Keep it, with mode 0600. Raises OSError."""
        place().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(place(), json.dumps(asdict(self), indent=2) + "\n")


def place() -> Path:
    """$XDG_CONFIG_HOME/waybill/logins.json"""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "waybill" / "logins.json"
