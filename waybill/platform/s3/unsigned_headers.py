"""Find headers that a client added to its upload and that no presigned URL signs.

The store keeps them with the object, and browsers obey them: with ``Content-Encoding: gzip`` a browser saves
other bytes than those that were verified and counted. Properties that the settings of a bucket can also set
(encryption, storage class, object lock, tags) are ignored.

Source: Amazon S3 API Reference, PutObject and HeadObject.
"""

from collections.abc import Mapping

_HEADERS = (
    *("Content-Encoding", "Cache-Control", "Content-Disposition", "Content-Language", "Expires"),
    "x-amz-website-redirect-location",
)
_METADATA = "x-amz-meta-"

#: Values that browsers add to a request with If-None-Match, and to each request while developer tools disable
#: the cache (Fetch Standard, "HTTP-network-or-cache fetch"). They only forbid caching, and downloads sign
#: their own.
_CACHE_CONTROL_OF_BROWSERS = {"max-age=0", "no-cache"}


def unsigned_headers(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of such headers in a response to HEAD or GET. Names are found in any case."""
    found = [name for name in _HEADERS if headers.get(name)]
    if headers.get("Cache-Control") in _CACHE_CONTROL_OF_BROWSERS:
        found.remove("Cache-Control")
    metadata = [name.lower() for name in headers if name.lower().startswith(_METADATA)]
    return (*found, *metadata)
