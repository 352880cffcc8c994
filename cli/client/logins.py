"""The servers at which this user has signed in: one token each, in a file that only this user can read."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stack.folder import write_private


@dataclass
class Logins:
    """The tokens by server, and the server that commands use if none is named."""

    current: str | None = None
    tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Logins":
        """Return the stored logins. An unreadable file counts as empty: the next login replaces it."""
        try:
            kept = json.loads(place().read_text())
            return cls(kept["current"], dict(kept["tokens"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self) -> None:
        """Write the file, with mode 0600. Raises OSError."""
        place().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(place(), json.dumps(asdict(self), indent=2) + "\n")


def place() -> Path:
    """Return $XDG_CONFIG_HOME/waybill/logins.json.

    Raises:
        OSError: neither XDG_CONFIG_HOME nor a home is known.
    """
    return _config_home() / "waybill" / "logins.json"


def _config_home() -> Path:
    try:
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    except RuntimeError:
        raise OSError("There is no home folder for logins. Set HOME or XDG_CONFIG_HOME.") from None
