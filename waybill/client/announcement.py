"""The body of a request for an upload."""

import mimetypes
from typing import Any

#: Bytes. Larger files go in parts: several at once, and what has arrived is not sent again.
PARTS_FROM = 64 * 1024**2


def announcement(
    name: str, size: int, *, content_type: str | None, sha256: str | None, multipart: bool | None
) -> dict[str, Any]:
    """Return the body. What is None is found out by the name and the size, or left to the server."""
    return {
        "name": name,
        "size": size,
        "contentType": content_type or _type_of(name),
        "sha256": sha256,
        "multipart": True if multipart is None and size > PARTS_FROM else multipart,
    }


def _type_of(name: str) -> str | None:
    """Return the media type that a name's ending tells; None if packed: ``a.tar.gz`` is no archive yet."""
    media_type, packing = mimetypes.guess_type(name)
    return media_type if packing is None else None
