"""Routes that match a whole path, with any characters in it."""

import re
from collections.abc import Sequence

from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute


def with_exact_paths(routes: Sequence[BaseRoute]) -> Sequence[BaseRoute]:
    r"""Return the routes, changed to match the whole path.

    In Starlette's own patterns ``$`` also matches before a line feed at the end, and a mount's ``.*`` matches
    no line feed: ``/usage%0A`` would match ``/usage``, and ``/files/a%0Ab`` would match no route.
    """
    for route in routes:
        if isinstance(route, Route | WebSocketRoute | Mount):
            pattern = route.path_regex.pattern.removesuffix("$")
            route.path_regex = re.compile(rf"{pattern}\Z", re.DOTALL)
    return routes
