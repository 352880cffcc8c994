"""`waybill login` and `logout`."""

import getpass
import sys
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cli.client.choice import FROM_STDIN
from cli.client.credentials import Credentials, credentials_path
from cli.client.exit_codes import DONE, NOT_SIGNED_IN
from cli.client.formatting import format_size, format_time, printable
from cli.client.output import to_json
from cli.client.session import LOCAL_URL, NotSignedIn, Session
from cli.client.verbosity import print_message
from waybill.client.api import checked_address, checked_token
from waybill.platform.times import rfc3339


async def sign_in(url: str | None, token: str | None) -> int:
    """Store a token that the server accepts, and make that server the current one.

    Args:
        url: the server; by default the current one.
        token: the token, ``-`` for standard input, or None for a prompt.

    Returns:
        The exit code.

    Raises:
        NotSignedIn: there is no token.
        ClientError: the server refuses the token, or does not answer. Nothing is stored.
    """
    credentials = Credentials.read()
    url = checked_address(url or credentials.current or LOCAL_URL)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        print_message(f"{url} is not encrypted: others on the network can read the token. Use https.")
    if token not in {None, "", FROM_STDIN}:
        print_message(
            "Other users of this machine can see --token. Omit it, and the command asks for the token."
        )
    session = Session(url, _checked(token if token not in {None, FROM_STDIN} else _read(url, token)))
    async with session.client() as client:
        usage = await client.usage()
    credentials.tokens[url] = session.token
    credentials.current = url
    credentials.write()
    print(
        printable(f"Signed in at {url} as {session.owner}: {usage.files} files, {format_size(usage.used)}.")
    )
    return DONE


async def sign_out(url: str | None) -> int:
    """Remove the token for a server, by default the current one; return the exit code."""
    credentials = Credentials.read()
    url = checked_address(url) if url else credentials.current
    if url is None or credentials.tokens.pop(url, None) is None:
        print_message(f"Not signed in at {url}." if url else "Not signed in.")
        return NOT_SIGNED_IN
    was_current = credentials.current == url
    if was_current:
        credentials.current = next(iter(credentials.tokens), None)
    credentials.write()
    print(printable(f"Signed out of {url}. Its token is removed from {credentials_path()}."))
    if was_current and credentials.current is not None:
        print(f"Commands now use {credentials.current}.")
    return DONE


async def list_logins(*, json_lines: bool) -> int:
    """Print the servers at which this user is signed in, without their tokens; return the exit code."""
    credentials = Credentials.read()
    for url, token in credentials.tokens.items():
        session = Session(url, token)
        is_current, expires_at = url == credentials.current, session.expires_at
        if json_lines:
            expires = None if expires_at is None else rfc3339(expires_at)
            print(to_json({"url": url, "owner": session.owner, "current": is_current, "expiresAt": expires}))
        else:
            mark = "*" if is_current else " "
            print(printable(f"{mark} {url}  {session.owner}  {_expiry(expires_at)}"))
    if not credentials.tokens:
        print_message("Not signed in at any server. Sign in with: waybill login --url URL")
    return DONE


def _expiry(time: datetime | None) -> str:
    if time is None:
        return "does not expire"
    return f"{'expired' if time < datetime.now(UTC) else 'expires'} {format_time(time)}"


def _checked(token: str | None) -> str:
    if not (token or "").strip():
        raise NotSignedIn(
            "The token is empty. Type it at the prompt, or read it from a file: waybill login < token.txt"
        )
    return checked_token(token or "")


def _read(url: str, token: str | None) -> str:
    """Read the token from a prompt that hides it, or from standard input."""
    with suppress(EOFError):
        if token is None and sys.stdin.isatty():
            return getpass.getpass(f"Token for {url}: ")
        return sys.stdin.readline()
    return ""
