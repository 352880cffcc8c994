"""Objects that arrive in parts.

Source: Amazon S3 User Guide, "Uploading and copying objects using multipart upload".
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from waybill.platform.s3.errors import code_of, map_store_errors

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef, PartTypeDef


class UploadGoneError(Exception):
    """Raised for a multipart upload that was completed, aborted or never begun."""


class PartsChangedError(Exception):
    """Raised when a part was sent again between listing the parts and putting them together."""


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
        """Begin an upload; its id. ``with_sha256``: every part must then be sent with its own."""
        with map_store_errors():
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
        """All parts that have arrived, in order; of a part that was sent again the latest.

        Raises:
            UploadGoneError: there is no such upload.
        """
        latest: dict[int, PartTypeDef] = {}
        marker = 0
        with map_store_errors():
            while True:
                try:
                    async with asyncio.timeout(self._timeout):
                        page = await self._client.list_parts(
                            Bucket=self._bucket, Key=key, UploadId=upload_id, PartNumberMarker=marker
                        )
                except ClientError as error:
                    if code_of(error) == "NoSuchUpload":
                        raise UploadGoneError(key) from error
                    raise
                for part in page.get("Parts", []):
                    # SeaweedFS lists every one that was sent, in any order; S3 only the latest.
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
        """Make one object of the parts.

        Raises:
            UploadGoneError: there is no such upload; somebody else may have done it.
            PartsChangedError: a part is no longer what was listed.
            StoreTimeout: no answer within the timeout. The store works on; a repeat finds it done.
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
                if code_of(error) == "NoSuchUpload":
                    raise UploadGoneError(key) from error
                if code_of(error) in {"InvalidPart", "BadDigest"}:
                    raise PartsChangedError(key) from error
                raise

    async def abort(self, key: str, upload_id: str) -> None:
        """Give up an upload and what it holds. One that is not there counts as given up."""
        with map_store_errors():
            try:
                await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if code_of(error) != "NoSuchUpload":
                    raise

    async def abort_all(self, key: str) -> None:
        """Give up every upload to a key, those included whose id was lost by a crash."""
        with map_store_errors():
            paginator = self._client.get_paginator("list_multipart_uploads")
            async for page in paginator.paginate(Bucket=self._bucket, Prefix=key):
                for upload in page.get("Uploads", []):
                    if upload["Key"] == key:
                        await self.abort(key, upload["UploadId"])
