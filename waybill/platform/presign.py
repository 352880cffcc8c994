"""Presigned URLs: Signature Version 4 in the query string.

Written here and not taken from botocore, because a signature needs no client, no event loop and no I/O, and
an upload must sign headers (length, type, checksum, If-None-Match) that botocore's method may leave out. A
test compares every URL with botocore's, byte for byte.

Source: Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote

from waybill.platform.metrics import PRESIGN_SECONDS
from waybill.platform.settings import Settings
from waybill.platform.signature import ALGORITHM, UNSIGNED_PAYLOAD, Signer, signed_names, timestamp_of


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


class Presigner:
    """Signs URLs of one bucket at the public endpoint.

    The signature covers the host, so it cannot change later. ``upload_signer`` signs uploads, by default
    ``signer``: its key can be limited to uploads, so that no header can make a URL do more.
    """

    def __init__(self, signer: Signer, upload_signer: Signer | None = None) -> None:
        self._signer = signer
        self._upload_signer = upload_signer or signer

    @classmethod
    def from_settings(cls, settings: Settings) -> "Presigner":
        """Return a presigner for the configured bucket."""
        signer = partial(Signer.from_settings, settings, settings.public_endpoint_url)
        main = signer(settings.s3_access_key, settings.s3_secret_key)
        if settings.s3_upload_access_key is None or settings.s3_upload_secret_key is None:
            return cls(main)
        return cls(main, signer(settings.s3_upload_access_key, settings.s3_upload_secret_key))

    def put(
        self, key: str, *, size: int, content_type: str, sha256: str | None, ttl: int
    ) -> PresignedRequest:
        """Sign a PUT of exactly ``size`` bytes to a key that must not exist yet.

        A second PUT to the same URL returns 412.

        Args:
            key: The object key.
            size: The size in bytes.
            content_type: The media type.
            sha256: In hexadecimal. The store then refuses other content (see ``s3.error_codes``).
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
        signer = self._upload_signer if method == "PUT" else self._signer
        now = datetime.now(UTC).replace(microsecond=0)
        timestamp = timestamp_of(now)
        signed = {name.lower(): value for name, value in headers.items()} | {"host": signer.host}
        if content_length is not None:
            signed["content-length"] = str(content_length)
        parameters = [
            *(f"{_encode(name)}={_encode(value)}" for name, value in query.items()),
            f"X-Amz-Algorithm={ALGORITHM}",
            f"X-Amz-Credential={_encode(signer.credential(timestamp))}",
            f"X-Amz-Date={timestamp}",
            f"X-Amz-Expires={ttl}",
            f"X-Amz-SignedHeaders={_encode(signed_names(signed))}",
        ]
        path = signer.path(key)
        signature = signer.sign(
            method, path, parameters, signed, payload_hash=UNSIGNED_PAYLOAD, timestamp=timestamp
        )
        return PresignedRequest(
            method=method,
            url=f"{signer.origin}{path}?{'&'.join(parameters)}&X-Amz-Signature={signature}",
            headers=headers,
            expires_at=now + timedelta(seconds=ttl),
            content_length=content_length or 0,
        )


def to_base64(sha256: str) -> str:
    """Return a hexadecimal checksum in the form of S3, which is base64."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
