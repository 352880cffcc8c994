"""Where clients put their token in ``connection_init``: pages cannot send headers with a WebSocket."""

from collections.abc import Mapping
from typing import Any

#: Names of a bare token, compared without case: Apollo's documentation has ``authToken``.
_TOKENS = ("authtoken", "token", "access_token", "accesstoken")


def authorization_of(payload: Mapping[str, Any]) -> str | None:
    """Return what stands for an Authorization header, or None if nothing does.

    It is looked for as ``Authorization``, as ``headers.Authorization`` (Hasura's form, and that of many
    others), and as a token alone. Names have no case, as those of headers have none.

    Args:
        payload: of the client's ``connection_init`` (graphql-transport-ws).
    """
    given = _lower(payload)
    headers = given.get("headers")
    for found in (given, _lower(headers) if isinstance(headers, Mapping) else {}):
        if "authorization" in found:
            value = found["authorization"]
            # Of a wrong type it is refused as an empty one is, and no other is taken in its place.
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
