"""`waybill login` and `logout`."""

import getpass
import sys
from contextlib import suppress
from urllib.parse import urlsplit

from cli.client.exits import DONE, NOT_SIGNED_IN, complain
from cli.client.logins import Logins, place
from cli.client.session import LOCAL_URL, Session
from cli.client.words import size_in_words
from waybill.client.api import checked_address


async def sign_in(url: str | None, token: str | None) -> int:
    """Keep a token for a server that trusts it, and mean that server from now on; the exit code."""
    logins = Logins.read()
    url = checked_address(url or logins.current or LOCAL_URL)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        complain(f"{url} is not encrypted: everybody on the way can read the token.")
    session = Session(url, token or _ask(url))
    async with session.client() as client:
        usage = await client.usage()
    logins.tokens[url] = session.token
    logins.current = url
    logins.write()
    print(f"Signed in at {url} as {session.owner}: {usage.files} files, {size_in_words(usage.used)}.")
    return DONE


async def sign_out(url: str | None) -> int:
    """Forget the token for a server, or for the one that is meant; the exit code."""
    logins = Logins.read()
    url = (url or logins.current or "").rstrip("/")
    if logins.tokens.pop(url, None) is None:
        complain("Not signed in.")
        return NOT_SIGNED_IN
    if logins.current == url:
        logins.current = next(iter(logins.tokens), None)
    logins.write()
    print(f"Signed out of {url}; {place()} knows no token for it any more.")
    return DONE


def _ask(url: str) -> str:
    """The token, typed unseen or piped in."""
    with suppress(EOFError):
        if sys.stdin.isatty():
            return getpass.getpass(f"Token for {url}: ").strip()
        return sys.stdin.readline().strip()
    return ""
