"""The data folder: what lies where, and the two small files that must survive a crash."""

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
    """Made on the first run and kept. All are URL-safe: they stand in URLs and in configuration files."""

    jwt_secret: str
    redis_password: str
    s3_access_key: str
    s3_secret_key: str
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
            mongodb_password=secrets.token_urlsafe(32),
            # A key file holds letters of Base64, which has neither "-" nor "_".
            mongodb_key=secrets.token_hex(48),
            volume_key=secrets.token_urlsafe(32),
        )


# Folders of earlier releases have no others. They get the rest on their next start.
_FIRST_SECRETS = ("jwt_secret", "redis_password", "s3_access_key", "s3_secret_key")


class Folder:
    """The paths below one data folder. Absolute: the servers run with working directories of their own."""

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
        """Make the folder, for its owner alone (0700). Raises StackError where that cannot be done."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise StackError(f"cannot make the data folder {self.path}: {error.strerror}") from error

    def data(self, name: str) -> Path:
        """The folder that holds the data of one server; made where it is missing."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return path

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def read_jwt_secret(self) -> str | None:
        """Return the secret that signs tokens, None before the first run.

        Raises:
            StackError: the file of secrets is damaged.
        """
        kept = self._read_secrets()
        return kept["jwt_secret"] if kept else None

    def read_or_make_secrets(self) -> Secrets:
        """Return the secrets of this folder; make those that are missing. Only for the holder of its lock."""
        kept = self._read_secrets()
        made = Secrets(**(asdict(Secrets.make()) | kept))
        if asdict(made) != kept:
            write_private(self._secrets, json.dumps(asdict(made), indent=2) + "\n")
        return made

    def _read_secrets(self) -> dict[str, str]:
        try:
            kept = json.loads(self._secrets.read_text())
            known = {field.name: str(kept[field.name]) for field in fields(Secrets) if field.name in kept}
            return {name: kept[name] for name in _FIRST_SECRETS} | known
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StackError(f"cannot read {self._secrets}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StackError(
                f"{self._secrets} does not hold what it should ({error!r}): put it right, or remove it to "
                "have new secrets made (tokens signed so far will no longer be accepted)"
            ) from error

    def read_ports(self) -> dict[str, int]:
        """The ports of the last run. A spoilt or missing file counts as none: ports are a wish, not data."""
        try:
            kept = json.loads(self._ports.read_text())
            return {str(name): int(port) for name, port in kept.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def write_ports(self, ports: dict[str, int]) -> None:
        write_private(self._ports, json.dumps(ports, indent=2, sort_keys=True) + "\n")

    def read_address(self) -> str | None:
        """Where the API of this folder was served the last time; None where it never was."""
        try:
            return self._address.read_text().strip() or None
        except OSError:
            return None

    def write_address(self, address: str) -> None:
        write_private(self._address, address + "\n")

    def read_token_rules(self) -> dict[str, Any]:
        """Return what the API of this folder demanded of tokens the last time; nothing if it never ran."""
        try:
            kept: dict[str, Any] = json.loads(self._token_rules.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StackError(f"cannot read {self._token_rules}: {error}") from error
        return kept

    def write_token_rules(self, rules: Mapping[str, Any]) -> None:
        """Keep what the API of this folder demands of tokens."""
        write_private(self._token_rules, json.dumps(rules, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read (0600), whole or not at all, whenever the machine stops."""
    half = path.with_name(path.name + ".new")
    half.unlink(missing_ok=True)  # left by a crash, perhaps with other permissions
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    # Without this a power cut may still bring back the folder as it was before the rename.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
