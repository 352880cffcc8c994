"""Find headers that a client added to its upload and that no presigned URL signs.

The store keeps them with the object, and browsers obey them: with ``Content-Encoding: gzip`` a browser saves
other bytes than those that were verified and counted. Properties that the settings of a bucket can also set
(encryption, storage class, object lock, tags) are ignored.

Source: Amazon S3 API Reference, PutObject and HeadObject.
"""

from collections.abc import Mapping
from typing import Any

# Botocore's names. ExpiresString exists even if the value is not a date.
_HEADERS = {
    "ContentEncoding": "Content-Encoding",
    "CacheControl": "Cache-Control",
    "ContentDisposition": "Content-Disposition",
    "ContentLanguage": "Content-Language",
    "ExpiresString": "Expires",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
}

#: Values that browsers add to a request with If-None-Match, and to each request while developer tools disable
#: the cache (Fetch Standard, "HTTP-network-or-cache fetch"). They only forbid caching, and downloads sign
#: their own.
_CACHE_CONTROL_OF_BROWSERS = {"max-age=0", "no-cache"}


def unsigned_headers(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of such headers in a response of HeadObject or GetObject."""
    metadata = [f"x-amz-meta-{name}" for name in answer.get("Metadata", ())]
    found = [header for member, header in _HEADERS.items() if answer.get(member)]
    if answer.get("CacheControl") in _CACHE_CONTROL_OF_BROWSERS:
        found.remove("Cache-Control")
    return (*found, *metadata)
