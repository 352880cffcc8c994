"""Presigned URLs: Signature Version 4 in the query string.

Written here rather than taken from botocore, for a signature needs no client, no event loop and no I/O, and
an upload must bind headers (length, type, checksum, If-None-Match) that the general method leaves to luck.
A test holds every URL equal to botocore's, byte for byte.

Source: Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from waybill.settings import Settings


@dataclass(frozen=True, slots=True)
class PresignedRequest:
    """A request that needs no further credentials until ``expires_at``.

    It must be sent with exactly ``headers``: they are part of the signature.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class Presigner:
    """Signs for one bucket, in the name of the public endpoint: a host cannot be exchanged afterwards."""

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
        self._signing_key: tuple[str, bytes] = ("", b"")

    @classmethod
    def from_settings(cls, settings: Settings) -> "Presigner":
        """A presigner for the configured bucket."""
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
        """A PUT of exactly ``size`` bytes to a key that must not exist yet.

        ``sha256``, in hexadecimal, makes the store refuse any other content (400 BadDigest). A second PUT to
        the same URL answers 412. ``ttl`` is in seconds and counts until the upload begins, not until it ends.
        """
        headers = {
            "Content-Length": str(size),
            "Content-Type": content_type,
            "If-None-Match": "*",
        }
        if sha256 is not None:
            headers["x-amz-checksum-sha256"] = to_base64(sha256)
        return self._sign("PUT", key, headers, {}, ttl)

    def part(
        self, key: str, upload_id: str, number: int, *, size: int, sha256: str | None, ttl: int
    ) -> PresignedRequest:
        """A PUT of exactly ``size`` bytes as one part of a multipart upload; a second replaces the first.

        ``sha256`` and ``ttl`` are as for ``put``.
        """
        headers = {"Content-Length": str(size)}
        if sha256 is not None:
            headers["x-amz-checksum-sha256"] = to_base64(sha256)
        return self._sign("PUT", key, headers, {"uploadId": upload_id, "partNumber": str(number)}, ttl)

    def get(self, key: str, *, disposition: str, content_type: str, ttl: int) -> PresignedRequest:
        """A GET that answers with that Content-Disposition and Content-Type. ``ttl`` is in seconds."""
        overrides = {
            "response-content-disposition": disposition,
            "response-content-type": content_type,
        }
        return self._sign("GET", key, {}, overrides, ttl)

    def _sign(
        self, method: str, key: str, headers: Mapping[str, str], query: Mapping[str, str], ttl: int
    ) -> PresignedRequest:
        now = datetime.now(UTC).replace(microsecond=0)
        timestamp = now.strftime("%Y%m%dT%H%M%SZ")
        scope = f"{timestamp[:8]}/{self._region}/s3/aws4_request"
        signed = {name.lower(): value for name, value in headers.items()} | {"host": self._host}
        names = ";".join(sorted(signed))
        parameters = [
            f"{_encode(name)}={_encode(value)}"
            for name, value in {
                **query,
                "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                "X-Amz-Credential": f"{self._access_key}/{scope}",
                "X-Amz-Date": timestamp,
                "X-Amz-Expires": str(ttl),
                "X-Amz-SignedHeaders": names,
            }.items()
        ]
        path = quote(f"{self._path}/{key}", safe="/~")
        # Runs of spaces count as one: "Task 1: Create a canonical request" wants values trimmed so.
        canonical_headers = [f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)]
        canonical_request = "\n".join(
            [method, path, "&".join(sorted(parameters)), *canonical_headers, "", names, "UNSIGNED-PAYLOAD"]
        )
        digest = hashlib.sha256(canonical_request.encode()).hexdigest()
        to_sign = "\n".join(["AWS4-HMAC-SHA256", timestamp, scope, digest])
        signature = hmac.new(self._key_of(timestamp[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
        return PresignedRequest(
            method=method,
            url=f"{self._origin}{path}?{'&'.join(parameters)}&X-Amz-Signature={signature}",
            headers=headers,
            expires_at=now + timedelta(seconds=ttl),
        )

    def _key_of(self, day: str) -> bytes:
        # The key changes with the day only. Day and key are one tuple, so no thread sees half a change.
        if self._signing_key[0] != day:
            key = f"AWS4{self._secret_key}".encode()
            for part in (day, self._region, "s3", "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            self._signing_key = (day, key)
        return self._signing_key[1]


def to_base64(sha256: str) -> str:
    """A checksum in hexadecimal as S3 writes it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def _host_header(endpoint_url: str) -> str:
    """The Host header as clients send it: without the port that the scheme implies."""
    parts = urlsplit(endpoint_url)
    default = {"http": 80, "https": 443}[parts.scheme]
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, default} else f"{host}:{parts.port}"
