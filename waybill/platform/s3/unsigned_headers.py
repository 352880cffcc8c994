"""Which headers of its upload an object has kept, although no presigned URL signs them.

A client can add them to a PUT, and a browser would go by them: with ``Content-Encoding: gzip`` it saves other
bytes than those that were verified and counted. What bucket settings also set (encryption, storage class,
object lock, tags) is no sign of a client, so it is not looked at.

Source: Amazon S3 API Reference, PutObject and HeadObject.
"""

from collections.abc import Mapping
from typing import Any

# What botocore calls them. ExpiresString is there even if the value is no date.
_HEADERS = {
    "ContentEncoding": "Content-Encoding",
    "CacheControl": "Cache-Control",
    "ContentDisposition": "Content-Disposition",
    "ContentLanguage": "Content-Language",
    "ExpiresString": "Expires",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
}

#: What browsers add to a request with If-None-Match, and to each one while developer tools disable the cache
#: (Fetch Standard, "HTTP-network-or-cache fetch"). They only forbid caching, and downloads sign their own.
_CACHE_CONTROL_OF_BROWSERS = {"max-age=0", "no-cache"}


def unsigned_headers(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of such headers in an answer to HeadObject or GetObject."""
    metadata = [f"x-amz-meta-{name}" for name in answer.get("Metadata", ())]
    kept = [header for member, header in _HEADERS.items() if answer.get(member)]
    if answer.get("CacheControl") in _CACHE_CONTROL_OF_BROWSERS:
        kept.remove("Cache-Control")
    return (*kept, *metadata)
