"""The exit codes of the client's commands, and how a command is run to its exit code.

0    everything succeeded
1    at least one file or request failed
2    an option or an argument is wrong
3    you are not signed in, or the server does not accept the token
4    the file does not exist
5    the server is unavailable, or the connection broke
130  you pressed Ctrl-C
141  the program that reads the output has closed the pipe
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NoReturn

import typer

from cli.client.session import NotSignedIn, Session, find_session
from cli.client.verbosity import print_message
from waybill.client import (
    ClientError,
    FileNotFound,
    Forbidden,
    ServiceUnavailable,
    Unauthenticated,
    Unreachable,
)

DONE, FAILED, USAGE, NOT_SIGNED_IN, NOT_FOUND, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
#: 128 + 13, as a shell reports a program that SIGPIPE ended.
PIPE_CLOSED = 141


def code_of(error: Exception) -> int:
    """Return the exit code of a failure."""
    match error:
        case NotSignedIn() | Unauthenticated() | Forbidden():
            return NOT_SIGNED_IN
        case FileNotFound():
            return NOT_FOUND
        case Unreachable() | ServiceUnavailable():
            return UNAVAILABLE
        case _:
            return FAILED


def code_of_all(codes: Iterable[int]) -> int:
    """Return the exit code of several files: their common code if all are equal, otherwise FAILED."""
    different = set(codes)
    return different.pop() if len(different) == 1 else FAILED if different else DONE


def error_text(error: Exception) -> str:
    """Return the message of an error, with its notes."""
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}." if error.filename else error.strerror
    else:
        text = str(error)
    return " ".join([text, *getattr(error, "__notes__", ())])


def run(
    url: str | None,
    work: Callable[[Session], Coroutine[Any, Any, int]],
    *,
    interrupted: str = "Stopped.",
    json_lines: bool = False,
) -> NoReturn:
    """Run a command in a session, and exit with its code.

    Args:
        url: the server, or None for the current one.
        work: the command.
        interrupted: the message after Ctrl-C.
        json_lines: print an error that ends the command as JSON too.
    """

    async def in_session() -> int:
        return await work(find_session(url))

    run_without_session(in_session(), interrupted=interrupted, json_lines=json_lines)


def run_without_session(
    work: Coroutine[Any, Any, int], *, interrupted: str = "Stopped.", json_lines: bool = False
) -> NoReturn:
    """Run a command that finds its server itself, and exit with its code. See ``run``."""
    try:
        code = _run(work, interrupted, json_lines=json_lines)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout at its exit, and would report the closed pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = PIPE_CLOSED
    raise typer.Exit(code)


def _run(work: Coroutine[Any, Any, int], interrupted: str, *, json_lines: bool) -> int:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        print_message(interrupted)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except (ClientError, NotSignedIn, OSError, ValueError) as error:
        print_message(error_text(error))
        if json_lines:
            from cli.client.output import result_json

            print(result_json("failed", error=error))
        # A ValueError is about an address or a token that is malformed.
        return USAGE if isinstance(error, ValueError) and not isinstance(error, OSError) else code_of(error)
