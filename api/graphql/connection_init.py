"""Find the token in ``connection_init``, because pages cannot send headers with a WebSocket."""

from collections.abc import Mapping
from typing import Any

#: Names of a token without `Bearer`, in any case. Apollo's documentation uses ``authToken``.
_TOKENS = ("authtoken", "token", "access_token", "accesstoken")


def authorization_of(payload: Mapping[str, Any]) -> str | None:
    """Return the value of the Authorization header, or None if there is none.

    It can be ``Authorization``, ``headers.Authorization`` (the form of Hasura and many others), or a token
    alone. Names are compared without case, like those of headers.

    Args:
        payload: the payload of the client's ``connection_init`` (graphql-transport-ws).
    """
    given = _lower(payload)
    headers = given.get("headers")
    for found in (given, _lower(headers) if isinstance(headers, Mapping) else {}):
        if "authorization" in found:
            value = found["authorization"]
            # A value of a wrong type is refused like an empty one. No other field replaces it.
            return value if isinstance(value, str) else ""
    for name in _TOKENS:
        if name in given:
            token = given[name]
            if not isinstance(token, str):
                return ""
            return token if token.lower().startswith("bearer ") else f"Bearer {token}"
    return None


def _lower(names: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in names.items()}
