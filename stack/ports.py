"""Choose free ports."""

import errno
import random
import socket
from collections.abc import Callable, Iterable, Mapping

LOOPBACK = "127.0.0.1"

# Below the ephemeral ports (Linux from 32768, others from 49152), so that an outgoing connection cannot use a
# recorded port between two runs.
MIN_PORT, MAX_PORT = 20000, 32000


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Return whether `port` of `host` can be bound now. Another process may bind it at any time."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do: connections of the last run in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            # The server reports other errors, such as a foreign address.
            return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True


def reachable_name(host: str) -> str:
    """Return the host of a listening address for a URL. For "all addresses" it is the name of the machine."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104 (compared, not bound)
    return f"[{name}]" if ":" in name else name


def choose(
    names: Iterable[str],
    last: Mapping[str, int],
    taken: Iterable[int] = (),
    can_use: Callable[[int], bool] = is_free,
) -> dict[str, int]:
    """Return a usable port for each name: that of the last run if possible, else a random one.

    `taken` are the ports of other servers of this stack.
    """
    used = set(taken)
    chosen: dict[str, int] = {}
    for name in names:
        port = last.get(name, 0)
        while port == 0 or port in used or not can_use(port):
            port = random.randrange(MIN_PORT, MAX_PORT)  # noqa: S311 (spreads stacks that start together)
        used.add(port)
        chosen[name] = port
    return chosen
