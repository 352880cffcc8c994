"""The data folder: what lies where, and the two small files that must survive a crash."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from stack.errors import StackError


@dataclass(frozen=True)
class Secrets:
    """Made on the first run and kept. All are URL-safe: they stand in URLs and in configuration files."""

    jwt_secret: str
    redis_password: str
    s3_access_key: str
    s3_secret_key: str

    @classmethod
    def make(cls) -> Self:
        return cls(
            jwt_secret=secrets.token_urlsafe(48),
            redis_password=secrets.token_urlsafe(32),
            s3_access_key=secrets.token_hex(10).upper(),
            s3_secret_key=secrets.token_urlsafe(30),
        )


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

    def read_secrets(self) -> Secrets | None:
        """The secrets of this folder, None before the first run. Raises StackError for a spoilt file."""
        try:
            kept = json.loads(self._secrets.read_text())
            return Secrets(**{field.name: str(kept[field.name]) for field in fields(Secrets)})
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StackError(f"cannot read {self._secrets}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StackError(
                f"{self._secrets} does not hold what it should ({error!r}): put it right, or remove it to "
                "have new secrets made (tokens signed so far will no longer be accepted)"
            ) from error

    def read_or_make_secrets(self) -> Secrets:
        """The secrets of this folder, made on the first run. Only for the holder of the folder's lock."""
        kept = self.read_secrets()
        if kept is None:
            kept = Secrets.make()
            write_private(self._secrets, json.dumps(asdict(kept), indent=2) + "\n")
        return kept

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
