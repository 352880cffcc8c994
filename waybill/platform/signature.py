"""Signature Version 4 for one bucket, with the key of the day.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from waybill.platform.settings import Settings

#: The payload hash of requests whose body is not signed.
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class _Day:
    """The common part of all signatures of one day. Cached, because the key alone takes four hashes."""

    date: str
    scope: str
    credential: str
    key: bytes


class Signer:
    """Signs requests to one bucket at one endpoint. The signature covers the host.

    Args:
        endpoint_url: scheme, host and perhaps a path.
        bucket: its name, which is the first part of each path.
        region: the region that the store expects.
        access_key: names the secret key.
        secret_key: signs.
    """

    def __init__(
        self, *, endpoint_url: str, bucket: str, region: str, access_key: str, secret_key: str
    ) -> None:
        parts = urlsplit(endpoint_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.host = _host_header(endpoint_url)
        self._path = f"{parts.path}/{bucket}"
        self._region = region
        self._access_key = access_key
        self._secret_key = secret_key
        self._day = _Day("", "", "", b"")

    @classmethod
    def from_settings(
        cls, settings: Settings, endpoint_url: str, access_key: str, secret_key: SecretStr
    ) -> Self:
        """Return a signer for the configured bucket."""
        return cls(
            endpoint_url=endpoint_url,
            bucket=settings.s3_bucket,
            region=settings.s3_region,
            access_key=access_key,
            secret_key=secret_key.get_secret_value(),
        )

    def path(self, key: str) -> str:
        """Return the path of an object, percent-encoded."""
        return quote(f"{self._path}/{key}", safe="/~")

    def credential(self, timestamp: str) -> str:
        """Return the access key and the scope, separated by slashes."""
        return self._on(timestamp[:8]).credential

    def sign(
        self,
        method: str,
        path: str,
        query: Sequence[str],
        headers: Mapping[str, str],
        *,
        payload_hash: str,
        timestamp: str,
    ) -> str:
        """Return the signature of a request, in hexadecimal.

        Args:
            method: the HTTP method.
            path: see ``path``.
            query: ``name=value`` for each parameter, percent-encoded, in any order.
            headers: all headers to sign, with ``host``. Names are in lower case.
            payload_hash: the SHA-256 of the body in hexadecimal, or ``UNSIGNED_PAYLOAD``.
            timestamp: see ``timestamp_of``.
        """
        day = self._on(timestamp[:8])
        # Runs of spaces become one space, as "Task 1: Create a canonical request" requires.
        lines = [f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)]
        canonical_request = "\n".join(
            [method, path, "&".join(sorted(query)), *lines, "", signed_names(headers), payload_hash]
        )
        digest = hashlib.sha256(canonical_request.encode()).hexdigest()
        to_sign = f"{ALGORITHM}\n{timestamp}\n{day.scope}\n{digest}"
        return hmac.digest(day.key, to_sign.encode(), "sha256").hex()

    def _on(self, date: str) -> _Day:
        # Read once and replaced as a whole, so that no thread sees a half-written value.
        day = self._day
        if day.date != date:
            scope = f"{date}/{self._region}/s3/aws4_request"
            key = f"AWS4{self._secret_key}".encode()
            for part in scope.split("/"):
                key = hmac.digest(key, part.encode(), "sha256")
            day = self._day = _Day(date, scope, f"{self._access_key}/{scope}", key)
        return day


def signed_names(headers: Mapping[str, str]) -> str:
    """Return the names of signed headers in the form in which a signature names them."""
    return ";".join(sorted(headers))


def timestamp_of(now: datetime) -> str:
    """Return a time in UTC in the form of X-Amz-Date."""
    return f"{now:%Y%m%dT%H%M%SZ}"


def _host_header(endpoint_url: str) -> str:
    """Return the Host header that clients send: without the scheme's default port."""
    parts = urlsplit(endpoint_url)
    default = {"http": 80, "https": 443}[parts.scheme]
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, default} else f"{host}:{parts.port}"
