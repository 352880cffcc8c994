"""Messages of the commands, and how many of them are printed."""

import sys
from dataclasses import dataclass

from cli.client.formatting import printable


@dataclass
class Verbosity:
    """How much the commands print. Set once, when the options are parsed."""

    #: Print only ids and errors.
    quiet: bool = False
    #: Print each request too, on stderr.
    verbose: bool = False

    def set_quiet(self, value: bool) -> bool:
        """Set ``quiet``, as the callback of an option."""
        self.quiet = value
        return value

    def set_verbose(self, value: bool) -> bool:
        """Set ``verbose``, as the callback of an option."""
        self.verbose = value
        return value


VERBOSITY = Verbosity()


def request_line(method: str, target: str, status: int, seconds: float) -> str:
    """Return the line about a request that --verbose prints."""
    return f"{method} {target} {status} ({seconds * 1000:.0f} ms)"


def print_message(text: str) -> None:
    """Print a message on stderr. It may quote a server, so control characters are replaced."""
    print(printable(f"waybill: {text}"), file=sys.stderr)
