"""Ports that nobody else holds."""

import errno
import random
import socket
from collections.abc import Callable, Iterable, Mapping

LOOPBACK = "127.0.0.1"

# Below the ranges from which kernels take the local ports of outgoing connections (Linux from 32768, others
# from 49152): between two runs no client's connection can sit on a port that was recorded.
LOWEST, HIGHEST = 20000, 32000


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether `port` of `host` can be bound now. The next moment it may be taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # The servers set it too: connections of the last run that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            # Any other fault (not an address of this machine) is the server's to report.
            return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True


def reachable_name(host: str) -> str:
    """The name of a listening address in a URL: "all addresses" is none that a client could be sent to."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104 (compared, not bound)
    return f"[{name}]" if ":" in name else name


def choose(
    names: Iterable[str],
    last: Mapping[str, int],
    taken: Iterable[int] = (),
    can_use: Callable[[int], bool] = is_free,
) -> dict[str, int]:
    """A port that can be used for each name: the one of the last run where possible, else one at random.

    `taken` are ports already promised to somebody else of this stack.
    """
    used = set(taken)
    chosen: dict[str, int] = {}
    for name in names:
        port = last.get(name, 0)
        while port == 0 or port in used or not can_use(port):
            port = random.randrange(LOWEST, HIGHEST)  # noqa: S311 (spreads stacks that start together)
        used.add(port)
        chosen[name] = port
    return chosen
