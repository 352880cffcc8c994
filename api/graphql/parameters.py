"""Check the parameters of an operation, which GraphQL over HTTP and graphql-transport-ws share.

Sources: GraphQL over HTTP, "Request Parameters"; graphql-transport-ws, "Subscribe".
"""

from collections.abc import Mapping
from typing import Any

_PARAMETERS: tuple[tuple[str, type, str], ...] = (
    ("query", str, "a text"),
    ("operationName", str, "a text"),
    ("variables", dict, "an object"),
    ("extensions", dict, "an object"),
)


def wrong_parameter(parameters: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the first parameter of a wrong type, or None if there is none."""
    for name, kind, text in _PARAMETERS:
        if not isinstance(parameters.get(name), (kind, type(None))):
            return f"`{name}` must be {text}, if given."
    return None
