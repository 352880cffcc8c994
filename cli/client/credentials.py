"""The tokens of the servers at which this user is signed in, in a file that only this user can read."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stack.folder import write_private


@dataclass
class Credentials:
    """The tokens by server, and the server that commands use if none is named."""

    current: str | None = None
    tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Credentials":
        """Return the stored logins. An unreadable file counts as empty: the next login replaces it."""
        try:
            stored = json.loads(credentials_path().read_text())
            return cls(stored["current"], dict(stored["tokens"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self) -> None:
        """Write the file, with mode 0600. Raises OSError."""
        credentials_path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(credentials_path(), json.dumps(asdict(self), indent=2) + "\n")


def credentials_path() -> Path:
    """Return $XDG_CONFIG_HOME/waybill/logins.json.

    Raises:
        OSError: XDG_CONFIG_HOME is not set, and the user has no home folder.
    """
    return _config_home() / "waybill" / "logins.json"


def _config_home() -> Path:
    try:
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    except RuntimeError:
        raise OSError(
            "Tokens cannot be stored: there is no home folder. Set HOME or XDG_CONFIG_HOME."
        ) from None
