"""The body of an upload request."""

import mimetypes
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

#: Larger files are uploaded in parts, in parallel. A resumed upload sends only the missing parts.
MAX_SINGLE_PUT_BYTES = 64 * 1024**2


class UploadOptions(TypedDict, total=False):
    """The arguments of all methods that upload. None stands for the default."""

    #: By default it follows from the file name extension.
    content_type: str | None
    #: Empty for the root, otherwise a path that ends with a slash: ``photos/2026/``.
    folder: str
    #: Key-value pairs, stored with the file.
    metadata: Mapping[str, str] | None
    #: Whether to send the file in parts. By default those of more than 64 MiB.
    multipart: bool | None


def upload_request_body(
    name: str, size: int, sha256: str | None, **options: Unpack[UploadOptions]
) -> dict[str, Any]:
    """Return the body. None selects the default: the type by the name, parts by the size."""
    multipart = options.get("multipart")
    body = {
        "name": name,
        "size": size,
        "contentType": options.get("content_type") or _type_of(name),
        "sha256": sha256,
        "multipart": True if multipart is None and size > MAX_SINGLE_PUT_BYTES else multipart,
    }
    # Servers of earlier releases refuse unknown fields.
    later = {"folder": options.get("folder"), "metadata": options.get("metadata")}
    return body | {field: value for field, value in later.items() if value}


def _type_of(name: str) -> str | None:
    """Return the media type of a file name extension; None if the file is compressed, as ``a.tar.gz`` is."""
    media_type, compression = mimetypes.guess_type(name)
    return media_type if compression is None else None
