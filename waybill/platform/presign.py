"""Presigned URLs: Signature Version 4 in the query string.

Written here and not taken from botocore, because a signature needs no client, no event loop and no I/O, and
an upload must sign headers (length, type, checksum, If-None-Match) that botocore's method may leave out. A
test compares every URL with botocore's, byte for byte.

Source: Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from waybill.platform.metrics import PRESIGN_SECONDS
from waybill.platform.settings import Settings


@dataclass(frozen=True, slots=True)
class PresignedRequest:
    """A request that needs no further credentials until ``expires_at``.

    Send it with exactly ``headers``, and an upload with ``content_length`` bytes, because the signature
    covers them. The length is not in ``headers``, because HTTP clients set it themselves, and browsers do not
    let scripts set it (Fetch Standard, "forbidden request-header").
    """

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime
    content_length: int = 0


@dataclass(frozen=True, slots=True)
class _Day:
    """The common part of all signatures of one day. Cached, because the key alone takes four hashes."""

    date: str
    scope: str
    credential: str
    key: bytes


class Presigner:
    """Signs URLs of one bucket at the public endpoint.

    The signature covers the host, so it cannot change later.
    """

    def __init__(
        self,
        *,
        endpoint_url: str,
        bucket: str,
        region: str,
        access_key: str,
        secret_key: str,
    ) -> None:
        parts = urlsplit(endpoint_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = _host_header(endpoint_url)
        self._path = f"{parts.path}/{bucket}"
        self._region = region
        self._access_key = access_key
        self._secret_key = secret_key
        self._day = _Day("", "", "", b"")

    @classmethod
    def from_settings(cls, settings: Settings) -> "Presigner":
        """Return a presigner for the configured bucket."""
        return cls(
            endpoint_url=settings.public_endpoint_url,
            bucket=settings.s3_bucket,
            region=settings.s3_region,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key.get_secret_value(),
        )

    def put(
        self, key: str, *, size: int, content_type: str, sha256: str | None, ttl: int
    ) -> PresignedRequest:
        """Sign a PUT of exactly ``size`` bytes to a key that must not exist yet.

        A second PUT to the same URL returns 412.

        Args:
            key: The object key.
            size: The size in bytes.
            content_type: The media type.
            sha256: In hexadecimal. The store then refuses other content (400 BadDigest).
            ttl: Seconds until which the upload must begin. It may end later.
        """
        headers = {"Content-Type": content_type, "If-None-Match": "*"}
        if sha256 is not None:
            headers["x-amz-checksum-sha256"] = to_base64(sha256)
        return self._signed("PUT", key, headers, {}, ttl, content_length=size)

    def part(
        self, key: str, upload_id: str, number: int, *, size: int, sha256: str | None, ttl: int
    ) -> PresignedRequest:
        """Sign a PUT of exactly ``size`` bytes as one part of a multipart upload.

        A second PUT replaces the first. ``sha256`` and ``ttl`` are like those of ``put``.
        """
        headers = {} if sha256 is None else {"x-amz-checksum-sha256": to_base64(sha256)}
        query = {"uploadId": upload_id, "partNumber": str(number)}
        return self._signed("PUT", key, headers, query, ttl, content_length=size)

    def get(
        self, key: str, *, disposition: str, content_type: str, ttl: int, is_head: bool = False
    ) -> PresignedRequest:
        """Sign a GET, or a HEAD, whose response has this Content-Disposition and Content-Type.

        The response is the stored bytes without any Content-Encoding, and caches store it no longer than the
        URL is valid. ``ttl`` is in seconds. The signature covers the method, so a URL for GET refuses HEAD.
        """
        overrides = {
            "response-content-disposition": disposition,
            "response-content-type": content_type,
            # SeaweedFS ignores an empty value. Every client treats "identity" as no encoding.
            "response-content-encoding": "identity",
            "response-cache-control": f"private, max-age={ttl}, no-transform",
        }
        return self._signed("HEAD" if is_head else "GET", key, {}, overrides, ttl)

    @PRESIGN_SECONDS.time()
    def _signed(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        ttl: int,
        *,
        content_length: int | None = None,
    ) -> PresignedRequest:
        now = datetime.now(UTC).replace(microsecond=0)
        timestamp = f"{now:%Y%m%dT%H%M%SZ}"
        day = self._on(timestamp[:8])
        signed = {name.lower(): value for name, value in headers.items()} | {"host": self._host}
        if content_length is not None:
            signed["content-length"] = str(content_length)
        names = sorted(signed)
        parameters = [
            *(f"{_encode(name)}={_encode(value)}" for name, value in query.items()),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            f"X-Amz-Credential={day.credential}",
            f"X-Amz-Date={timestamp}",
            f"X-Amz-Expires={ttl}",
            f"X-Amz-SignedHeaders={'%3B'.join(names)}",
        ]
        path = quote(f"{self._path}/{key}", safe="/~")
        # Runs of spaces become one space, as "Task 1: Create a canonical request" requires.
        canonical_headers = [f"{name}:{' '.join(signed[name].split())}" for name in names]
        canonical_request = "\n".join(
            [
                *(method, path, "&".join(sorted(parameters))),
                *(*canonical_headers, "", ";".join(names), "UNSIGNED-PAYLOAD"),
            ]
        )
        digest = hashlib.sha256(canonical_request.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{day.scope}\n{digest}"
        signature = hmac.digest(day.key, to_sign.encode(), "sha256").hex()
        return PresignedRequest(
            method=method,
            url=f"{self._origin}{path}?{'&'.join(parameters)}&X-Amz-Signature={signature}",
            headers=headers,
            expires_at=now + timedelta(seconds=ttl),
            content_length=content_length or 0,
        )

    def _on(self, date: str) -> _Day:
        # Read once and replaced as a whole, so that no thread sees a half-written value.
        day = self._day
        if day.date != date:
            scope = f"{date}/{self._region}/s3/aws4_request"
            key = f"AWS4{self._secret_key}".encode()
            for part in scope.split("/"):
                key = hmac.digest(key, part.encode(), "sha256")
            day = self._day = _Day(date, scope, _encode(f"{self._access_key}/{scope}"), key)
        return day


def to_base64(sha256: str) -> str:
    """Return a hexadecimal checksum in the form of S3, which is base64."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def _host_header(endpoint_url: str) -> str:
    """Return the Host header that clients send: without the scheme's default port."""
    parts = urlsplit(endpoint_url)
    default = {"http": 80, "https": 443}[parts.scheme]
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, default} else f"{host}:{parts.port}"
