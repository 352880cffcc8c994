"""What the commands of this process print besides their results, and how much of it."""

import sys
from dataclasses import dataclass

from cli.client.words import printable


@dataclass
class Verbosity:
    """Set once, when the options are read."""

    #: Only ids and errors.
    quiet: bool = False
    #: Each request too, on stderr.
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


def complain(text: str) -> None:
    """Print a line on stderr, as of an error. It may quote a server, which must not control the terminal."""
    print(printable(f"waybill: {text}"), file=sys.stderr)
