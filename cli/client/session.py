"""Which server, and in whose name: what is named, else where somebody signed in, else the stack next door."""

import base64
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cli.client.logins import Logins
from stack.errors import StackError
from stack.folder import Folder
from waybill.client import AsyncClient
from waybill.client.api import checked_address
from waybill.tokens import DEMO_OWNER, make_token

#: Where `waybill up` serves, unless it says otherwise.
LOCAL_URL = "http://127.0.0.1:8000"
DATA_DIR = Path(".waybill")

#: Seconds. Somebody waits for the answer to a question; an upload is to outlive a server's restart.
SHORT, LONG = 10.0, 300.0


class NotSignedIn(Exception):
    """Raised where there is no token for the server."""


@dataclass(frozen=True, slots=True)
class Session:
    """A server and a token for it."""

    url: str
    token: str = field(repr=False)

    @property
    def owner(self) -> str:
        """Whom the token names; only the server knows whether to believe it."""
        with suppress(ValueError, IndexError, KeyError, TypeError):
            claims = self.token.split(".")[1]
            return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])
        return hashlib.sha256(self.token.encode()).hexdigest()[:16]

    def client(self, *, patience: float = SHORT, parallel: int = 4) -> AsyncClient:
        """A client of that server."""
        return AsyncClient(self.url, self.token, patience=patience, parallel=parallel)


def find_session(url: str | None) -> Session:
    """The session for ``url``, or for the server that is meant where none is named.

    A token is sent to no other server than it is of: that of WAYBILL_TOKEN to the one that is named or
    signed in to, that of a login to its own, and one of the embedded stack to where that is.

    Raises:
        NotSignedIn: there is no token for it.
        ValueError: it is no address.
    """
    logins = Logins.read()
    folder = Folder(DATA_DIR)
    url = checked_address(url or logins.current or folder.read_address() or LOCAL_URL)
    token = (
        os.environ.get("WAYBILL_TOKEN", "").strip() or logins.tokens.get(url) or _embedded_token(folder, url)
    )
    if token is None:
        raise NotSignedIn(f"Not signed in at {url}. Sign in with: waybill login --url {url}")
    return Session(url, token)


def _embedded_token(folder: Folder, url: str) -> str | None:
    """A token of the stack whose data is here, for a server on this machine or where that stack is served."""
    if urlsplit(url).hostname not in {"127.0.0.1", "localhost", "::1"} and url != folder.read_address():
        return None
    with suppress(StackError):
        secrets = folder.read_secrets()
        if secrets is not None:
            return make_token(secrets.jwt_secret, DEMO_OWNER, lifetime=timedelta(days=1))
    return None
