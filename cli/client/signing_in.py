"""`waybill login` and `logout`."""

import getpass
import sys
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cli.client.choice import FROM_STDIN
from cli.client.exits import DONE, NOT_SIGNED_IN
from cli.client.lines import as_json
from cli.client.logins import Logins, place
from cli.client.session import LOCAL_URL, NotSignedIn, Session
from cli.client.verbosity import complain
from cli.client.words import printable, size_in_words, time_in_words
from waybill.client.api import checked_address, checked_token
from waybill.platform.times import rfc3339


async def sign_in(url: str | None, token: str | None) -> int:
    """Store a token that the server accepts, and use that server from now on.

    Args:
        url: the server; by default the current one.
        token: the token, ``-`` for standard input, or None for a prompt.

    Returns:
        The exit code.

    Raises:
        NotSignedIn: no token was given.
        ClientError: the server refuses the token, or does not answer. Nothing is stored.
    """
    logins = Logins.read()
    url = checked_address(url or logins.current or LOCAL_URL)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        complain(f"{url} is not encrypted: others on the network can read the token.")
    if token not in {None, "", FROM_STDIN}:
        complain(
            "--token can be seen by other users of this machine. Leave it out to be asked for the token."
        )
    session = Session(url, _checked(token if token not in {None, FROM_STDIN} else _read(url, token)))
    async with session.client() as client:
        usage = await client.usage()
    logins.tokens[url] = session.token
    logins.current = url
    logins.write()
    print(
        printable(f"Signed in at {url} as {session.owner}: {usage.files} files, {size_in_words(usage.used)}.")
    )
    return DONE


async def sign_out(url: str | None) -> int:
    """Remove the token for a server, by default the current one; return the exit code."""
    logins = Logins.read()
    url = checked_address(url) if url else logins.current
    if url is None or logins.tokens.pop(url, None) is None:
        complain(f"Not signed in at {url}." if url else "Not signed in.")
        return NOT_SIGNED_IN
    was_current = logins.current == url
    if was_current:
        logins.current = next(iter(logins.tokens), None)
    logins.write()
    print(printable(f"Signed out of {url}. Its token is removed from {place()}."))
    if was_current and logins.current is not None:
        print(f"Commands now use {logins.current}.")
    return DONE


async def list_logins(*, json_lines: bool) -> int:
    """Print the servers at which this user is signed in, without their tokens; return the exit code."""
    logins = Logins.read()
    for url, token in logins.tokens.items():
        session = Session(url, token)
        is_current, expires_at = url == logins.current, session.expires_at
        if json_lines:
            expires = None if expires_at is None else rfc3339(expires_at)
            print(as_json({"url": url, "owner": session.owner, "current": is_current, "expiresAt": expires}))
        else:
            mark = "*" if is_current else " "
            print(printable(f"{mark} {url}  {session.owner}  {_expiry(expires_at)}"))
    if not logins.tokens:
        complain("Not signed in at any server. Sign in with: waybill login --url URL")
    return DONE


def _expiry(time: datetime | None) -> str:
    if time is None:
        return "does not expire"
    return f"{'expired' if time < datetime.now(UTC) else 'expires'} {time_in_words(time)}"


def _checked(token: str | None) -> str:
    if not (token or "").strip():
        raise NotSignedIn(
            "No token was given. Type it at the prompt, or pipe it in: waybill login < token.txt"
        )
    return checked_token(token or "")


def _read(url: str, token: str | None) -> str:
    """The token from a prompt that does not show it, or from standard input."""
    with suppress(EOFError):
        if token is None and sys.stdin.isatty():
            return getpass.getpass(f"Token for {url}: ")
        return sys.stdin.readline()
    return ""
