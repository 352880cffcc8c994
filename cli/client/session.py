"""The server and the token of a command: those it names, else the latest login, else the embedded stack."""

import base64
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli.client.credentials import Credentials
from cli.client.outage import OutageReport
from stack.errors import StackError
from stack.folder import Folder
from waybill.client import AsyncClient, Observer
from waybill.client.api import checked_address
from waybill.platform.tokens import TokenRules, make_demo_token

#: The address of `waybill up`, unless its folder names another.
LOCAL_URL = "http://127.0.0.1:8000"
DATA_DIR = Path(".waybill")

#: How long commands retry. A user waits for a query; a transfer must survive a restart of the server.
QUERY_RETRY_SECONDS, TRANSFER_RETRY_SECONDS = 10.0, 300.0


class NotSignedIn(Exception):
    """Raised if there is no token for the server."""


@dataclass(frozen=True, slots=True)
class Session:
    """A server and a token for it."""

    url: str
    token: str = field(repr=False)

    @property
    def owner(self) -> str:
        """The owner that the token names. The token is not verified, because only the server can do that."""
        with suppress(KeyError):
            return str(self._claims()["sub"])
        return hashlib.sha256(self.token.encode()).hexdigest()[:16]

    @property
    def expires_at(self) -> datetime | None:
        """When the token expires; None if it has no expiry."""
        with suppress(KeyError, ValueError, TypeError, OverflowError, OSError):
            return datetime.fromtimestamp(self._claims()["exp"], UTC)
        return None

    def _claims(self) -> dict[str, Any]:
        with suppress(ValueError, IndexError):
            claims = self.token.split(".")[1]
            found = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            return found if isinstance(found, dict) else {}
        return {}

    def client(
        self,
        *,
        retry_seconds: float = QUERY_RETRY_SECONDS,
        parallel: int = 4,
        max_rate: int | None = None,
        observer: Observer | None = None,
    ) -> AsyncClient:
        """Return a client for the server. The arguments are those of ``AsyncClient``."""
        return AsyncClient(
            self.url,
            self.token,
            retry_seconds=retry_seconds,
            parallel=parallel,
            max_rate=max_rate,
            observer=observer or OutageReport(),
        )


def find_session(url: str | None) -> Session:
    """Return the session for ``url``, by default for the current server.

    Each token is sent only to its own server: WAYBILL_TOKEN to the named or current server, the token of a
    login to the server of that login, and a token of the embedded stack to that stack.

    Raises:
        NotSignedIn: there is no token for the server.
        ValueError: ``url`` is not an address.
    """
    credentials = Credentials.read()
    folder = Folder(DATA_DIR)
    url = checked_address(url or credentials.current or folder.read_address() or LOCAL_URL)
    token = (
        os.environ.get("WAYBILL_TOKEN", "").strip()
        or credentials.tokens.get(url)
        or _embedded_token(folder, url)
    )
    if token is None:
        raise NotSignedIn(f"Not signed in at {url}. Sign in with: waybill login --url {url}")
    return Session(url, token)


def _embedded_token(folder: Folder, url: str) -> str | None:
    """Return a token of the embedded stack in this folder, if ``url`` can be the address of that stack."""
    if urlsplit(url).hostname not in {"127.0.0.1", "localhost", "::1"} and url != folder.read_address():
        return None
    with suppress(StackError):
        secret = folder.read_jwt_secret()
        if secret is not None:
            return make_demo_token(secret, TokenRules(**folder.read_token_rules()))
    return None
