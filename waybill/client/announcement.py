"""The body of a request for an upload."""

import mimetypes
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

#: Bytes. Larger files go in parts: several at once, and what has arrived is not sent again.
PARTS_FROM = 64 * 1024**2


class UploadOptions(TypedDict, total=False):
    """What every method that uploads takes. None stands for the default."""

    #: By default it follows from the ending of the name.
    content_type: str | None
    #: Empty for the top, otherwise a path with a slash at its end: ``photos/2026/``.
    folder: str
    #: Pairs of your own, stored with the file.
    metadata: Mapping[str, str] | None
    #: Whether to send the file in parts. By default those of more than 64 MiB.
    multipart: bool | None


def announcement(
    name: str, size: int, sha256: str | None, **options: Unpack[UploadOptions]
) -> dict[str, Any]:
    """Return the body. What is None is found out by the name and the size, or left to the server."""
    multipart = options.get("multipart")
    body = {
        "name": name,
        "size": size,
        "contentType": options.get("content_type") or _type_of(name),
        "sha256": sha256,
        "multipart": True if multipart is None and size > PARTS_FROM else multipart,
    }
    # Servers of earlier releases refuse fields that they do not know.
    later = {"folder": options.get("folder"), "metadata": options.get("metadata")}
    return body | {field: value for field, value in later.items() if value}


def _type_of(name: str) -> str | None:
    """Return the media type that a name's ending tells; None if packed: ``a.tar.gz`` is no archive yet."""
    media_type, packing = mimetypes.guess_type(name)
    return media_type if packing is None else None
