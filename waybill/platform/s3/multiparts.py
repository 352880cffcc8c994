"""Multipart uploads.

Source: Amazon S3 User Guide, "Uploading and copying objects using multipart upload".
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from botocore.exceptions import ClientError

from waybill.platform.errors import StoreUnsupported
from waybill.platform.s3.error_codes import PART_INVALID, UPLOAD_GONE, WRONG_CONTENT
from waybill.platform.s3.errors import code_of, map_store_errors, status_of

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef, PartTypeDef

#: Without NoSuchUpload and NoSuchBucket. A store that ignores the query returns 404 for a missing object.
_UNSUPPORTED_STATUSES = frozenset({404, 405, 501})

log = structlog.get_logger(__name__)


class UploadGoneError(Exception):
    """Raised if a multipart upload was completed, was aborted, or never existed."""


class PartsChangedError(Exception):
    """Raised when a part was sent again after the parts were listed and before they were assembled."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the store holds. ``etag`` is quoted, as the store sent it; ``sha256`` is in base64."""

    number: int
    size: int
    etag: str
    sha256: str | None = None


class Multiparts:
    """The multipart uploads of one bucket."""

    def __init__(self, client: "S3Client", bucket: str, timeout: float | None) -> None:
        self._client = client
        self._bucket = bucket
        self._timeout = timeout

    async def begin(self, key: str, content_type: str, *, with_sha256: bool) -> str:
        """Begin an upload and return its id. ``with_sha256``: every part must be sent with its SHA-256.

        Raises:
            StoreUnsupported: the store has no such operation.
        """
        with _required("CreateMultipartUpload"):
            async with asyncio.timeout(self._timeout):
                if with_sha256:
                    answer = await self._client.create_multipart_upload(
                        Bucket=self._bucket, Key=key, ContentType=content_type, ChecksumAlgorithm="SHA256"
                    )
                else:
                    answer = await self._client.create_multipart_upload(
                        Bucket=self._bucket, Key=key, ContentType=content_type
                    )
            return answer["UploadId"]

    async def parts(self, key: str, upload_id: str) -> list[Part]:
        """Return all parts that have arrived, in order. If a part was sent again, the latest counts.

        Raises:
            UploadGoneError: there is no such upload.
            StoreUnsupported: the store has no such operation.
        """
        latest: dict[int, PartTypeDef] = {}
        marker = 0
        with _required("ListParts"):
            while True:
                try:
                    async with asyncio.timeout(self._timeout):
                        page = await self._client.list_parts(
                            Bucket=self._bucket, Key=key, UploadId=upload_id, PartNumberMarker=marker
                        )
                except ClientError as error:
                    if code_of(error) in UPLOAD_GONE:
                        raise UploadGoneError(key) from error
                    raise
                for part in page.get("Parts", []):
                    # SeaweedFS lists every version of a part, in any order. S3 lists only the latest.
                    known = latest.setdefault(part["PartNumber"], part)
                    if part["LastModified"] > known["LastModified"]:
                        latest[part["PartNumber"]] = part
                if not page["IsTruncated"]:
                    break
                marker = page["NextPartNumberMarker"]
        return [
            Part(number, part["Size"], part["ETag"], part.get("ChecksumSHA256"))
            for number, part in sorted(latest.items())
        ]

    async def assemble(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Assemble the parts into one object.

        Raises:
            UploadGoneError: there is no such upload; another call may have assembled it.
            PartsChangedError: a part has changed since it was listed.
            StoreTimeout: no response within the timeout. The store continues, and a repeat finds the object.
        """
        named: list[CompletedPartTypeDef] = []
        for part in parts:
            completed: CompletedPartTypeDef = {"PartNumber": part.number, "ETag": part.etag}
            if part.sha256 is not None:
                completed["ChecksumSHA256"] = part.sha256
            named.append(completed)
        with map_store_errors():
            try:
                async with asyncio.timeout(self._timeout):
                    await self._client.complete_multipart_upload(
                        Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": named}
                    )
            except ClientError as error:
                if code_of(error) in UPLOAD_GONE:
                    raise UploadGoneError(key) from error
                if code_of(error) in PART_INVALID | WRONG_CONTENT:
                    raise PartsChangedError(key) from error
                raise

    async def abort(self, key: str, upload_id: str) -> None:
        """Abort an upload and remove its parts. A missing upload counts as aborted."""
        with map_store_errors():
            try:
                await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if code_of(error) not in UPLOAD_GONE:
                    raise

    async def abort_all(self, key: str) -> None:
        """Abort every upload to a key, including those whose id was lost in a crash.

        MinIO lists the uploads of a whole key only, not those of a prefix.
        """
        with _required("ListMultipartUploads"):
            paginator = self._client.get_paginator("list_multipart_uploads")
            async for page in paginator.paginate(Bucket=self._bucket, Prefix=key):
                for upload in page.get("Uploads", []):
                    if upload["Key"] == key:
                        await self.abort(key, upload["UploadId"])


@contextmanager
def _required(operation: str) -> Iterator[None]:
    """Convert outages, and responses of a store that has no such operation."""
    try:
        with map_store_errors():
            yield
    except ClientError as error:
        if status_of(error) not in _UNSUPPORTED_STATUSES:
            raise
        log.warning("object store lacks an operation", operation=operation, code=code_of(error))
        raise StoreUnsupported(operation) from error
