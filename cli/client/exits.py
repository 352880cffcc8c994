"""What the exit codes of the client's commands mean, and how a command comes to one.

0    done
1    something failed, or some of several things did
2    the command line is wrong
3    not signed in, or the token is not trusted
4    there is no such file
5    the server is away, or the line is broken
130  stopped by Ctrl-C
141  the reader of the output has closed the pipe
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NoReturn

import typer

from cli.client.session import NotSignedIn, Session, find_session
from cli.client.verbosity import complain
from waybill.client import (
    ClientError,
    FileNotFound,
    Forbidden,
    ServiceUnavailable,
    Unauthenticated,
    Unreachable,
)

DONE, FAILED, USAGE, NOT_SIGNED_IN, NOT_FOUND, AWAY, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
#: As of a program that SIGPIPE has ended.
PIPE_CLOSED = 141


def code_of(error: Exception) -> int:
    """The exit code of one failure."""
    match error:
        case NotSignedIn() | Unauthenticated() | Forbidden():
            return NOT_SIGNED_IN
        case FileNotFound():
            return NOT_FOUND
        case Unreachable() | ServiceUnavailable():
            return AWAY
        case _:
            return FAILED


def code_of_all(codes: Iterable[int]) -> int:
    """The exit code of several things: their own where all ended alike, otherwise that some failed."""
    different = set(codes)
    return different.pop() if len(different) == 1 else FAILED if different else DONE


def words_of(error: Exception) -> str:
    """An error as a person reads it."""
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
    """Run a command in a session, to its exit code.

    Args:
        url: the server, or None for the current one.
        work: the command.
        interrupted: what is printed after Ctrl-C.
        json_lines: print what ends the whole command as JSON too.
    """

    async def in_session() -> int:
        return await work(find_session(url))

    run_alone(in_session(), interrupted=interrupted, json_lines=json_lines)


def run_alone(
    work: Coroutine[Any, Any, int], *, interrupted: str = "Stopped.", json_lines: bool = False
) -> NoReturn:
    """Run a command that finds its server itself, as ``run`` does."""
    try:
        code = _run(work, interrupted, json_lines=json_lines)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = PIPE_CLOSED
    raise typer.Exit(code)


def _run(work: Coroutine[Any, Any, int], interrupted: str, *, json_lines: bool) -> int:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        complain(interrupted)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except (ClientError, NotSignedIn, OSError, ValueError) as error:
        complain(words_of(error))
        if json_lines:
            from cli.client.lines import result

            print(result("failed", error=error))
        # A ValueError is of an address or a token that cannot be one.
        return USAGE if isinstance(error, ValueError) and not isinstance(error, OSError) else code_of(error)
