"""The data folder: its paths, and its small files, which must survive a crash."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from stack.errors import StackError


@dataclass(frozen=True)
class Secrets:
    """The secrets, created on the first run. URL-safe, because URLs and configuration files contain them."""

    jwt_secret: str
    redis_password: str
    s3_access_key: str
    s3_secret_key: str
    s3_upload_access_key: str
    s3_upload_secret_key: str
    mongodb_password: str
    mongodb_key: str
    volume_key: str

    @classmethod
    def make(cls) -> Self:
        return cls(
            jwt_secret=secrets.token_urlsafe(48),
            redis_password=secrets.token_urlsafe(32),
            s3_access_key=secrets.token_hex(10).upper(),
            s3_secret_key=secrets.token_urlsafe(30),
            s3_upload_access_key=secrets.token_hex(10).upper(),
            s3_upload_secret_key=secrets.token_urlsafe(30),
            mongodb_password=secrets.token_urlsafe(32),
            # A key file contains Base64, which has neither "-" nor "_".
            mongodb_key=secrets.token_hex(48),
            volume_key=secrets.token_urlsafe(32),
        )


# Folders of earlier releases have only these. The others are created on the next start.
_FIRST_SECRETS = ("jwt_secret", "redis_password", "s3_access_key", "s3_secret_key")


class Folder:
    """The paths below a data folder. They are absolute, because servers run in other folders."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.logs = self.path / "logs"
        self.up_lock = self.path / "up.lock"
        self.servers_lock = self.path / "servers.lock"
        self._secrets = self.path / "secrets.json"
        self._ports = self.path / "ports.json"
        self._address = self.path / "address"
        self._token_rules = self.path / "token-rules.json"

    def make(self) -> None:
        """Create the folder with mode 0700. Raises StackError if it cannot be created."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise StackError(
                f"cannot create the data folder {self.path}: {error.strerror}. Choose another one with "
                "--data-dir"
            ) from error

    def data(self, name: str) -> Path:
        """Return the data folder of one server. Create it if it is missing."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return path

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def read_jwt_secret(self) -> str | None:
        """Return the secret that signs tokens; None before the first run.

        Raises:
            StackError: the file of secrets is damaged.
        """
        stored = self._read_secrets()
        return stored["jwt_secret"] if stored else None

    def read_secrets(self) -> Secrets | None:
        """Return the secrets of this folder; None if one is missing, as in a folder of an older release."""
        stored = self._read_secrets()
        return Secrets(**stored) if len(stored) == len(fields(Secrets)) else None

    def read_or_make_secrets(self) -> Secrets:
        """Return the secrets of this folder, and create missing ones. Call it only with the folder locked."""
        stored = self._read_secrets()
        made = Secrets(**(asdict(Secrets.make()) | stored))
        if asdict(made) != stored:
            write_private(self._secrets, json.dumps(asdict(made), indent=2) + "\n")
        return made

    def _read_secrets(self) -> dict[str, str]:
        try:
            stored = json.loads(self._secrets.read_text())
            known = {field.name: str(stored[field.name]) for field in fields(Secrets) if field.name in stored}
            return {name: stored[name] for name in _FIRST_SECRETS} | known
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StackError(f"cannot read {self._secrets}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StackError(
                f"{self._secrets} is damaged ({error!r}). Correct it, or delete it to create new secrets: "
                "earlier tokens are then no longer valid"
            ) from error

    def read_ports(self) -> dict[str, int]:
        """Return the ports of the last run. A damaged or missing file counts as empty."""
        try:
            stored = json.loads(self._ports.read_text())
            return {str(name): int(port) for name, port in stored.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def write_ports(self, ports: dict[str, int]) -> None:
        write_private(self._ports, json.dumps(ports, indent=2, sort_keys=True) + "\n")

    def read_address(self) -> str | None:
        """Return the last address of the API of this folder; None before the first run."""
        try:
            return self._address.read_text().strip() or None
        except OSError:
            return None

    def write_address(self, address: str) -> None:
        write_private(self._address, address + "\n")

    def read_token_rules(self) -> dict[str, Any]:
        """Return the last token rules of the API of this folder; empty before the first run."""
        try:
            stored: dict[str, Any] = json.loads(self._token_rules.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StackError(f"cannot read {self._token_rules}: {error}") from error
        return stored

    def write_token_rules(self, rules: Mapping[str, Any]) -> None:
        """Store the token rules of the API of this folder."""
        write_private(self._token_rules, json.dumps(rules, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600, atomically and durably: a crash leaves the old file or the new one."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)  # left by a crash, perhaps with another mode
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    # Without this fsync, a power failure can undo the rename.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
