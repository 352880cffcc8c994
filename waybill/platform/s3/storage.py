"""Read and remove the objects of one bucket."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import ClientError

from waybill.platform.errors import ServiceUnavailable
from waybill.platform.s3 import bucket
from waybill.platform.s3.checksums import whole_sha256
from waybill.platform.s3.deletion import delete, delete_many
from waybill.platform.s3.errors import StoreRefusal, map_store_errors, status_of
from waybill.platform.s3.multiparts import Multiparts
from waybill.platform.s3.objects import CONNECT_TIMEOUT_SECONDS, MAX_CONNECTIONS, Objects, open_objects
from waybill.platform.s3.reading import stream
from waybill.platform.s3.unsigned_headers import unsigned_headers
from waybill.platform.settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """The result of a HEAD of an object. ``etag`` is quoted, as the store sent it.

    ``sha256``, in hexadecimal, is that of the whole content, which the store verified when it arrived. It is
    None if the store returned none, or none was requested. ``unsigned_headers`` are the names of headers that
    the client added to its upload.
    """

    size: int
    etag: str
    sha256: str | None = None
    unsigned_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a list of the bucket."""

    key: str
    size: int
    modified_at: datetime
    etag: str


class Storage:
    """One bucket of an S3 store, over its internal endpoint."""

    def __init__(self, objects: Objects, client: "S3Client", bucket: str, timeout: float | None) -> None:
        self.multiparts = Multiparts(client, bucket, timeout)
        self._objects = objects
        self._client = client
        self._bucket = bucket
        self._timeout = timeout

    def without_timeout(self) -> "Storage":
        """Return the same bucket for jobs.

        No client waits for them, so only the timeouts of the S3 client apply.
        """
        return Storage(self._objects, self._client, self._bucket, None)

    async def head(self, key: str, *, with_sha256: bool = False) -> ObjectHead | None:
        """Return the size and ETag of an object, with its SHA-256 if requested, or None if it does not exist.

        Raises:
            StoreTimeout: no response within the timeout.
            ServiceUnavailable: the store is unavailable.
        """
        sent = {"x-amz-checksum-mode": "ENABLED"} if with_sha256 else {}
        with map_store_errors():
            try:
                async with (
                    asyncio.timeout(self._timeout),
                    self._objects.request("HEAD", key, sent) as response,
                ):
                    headers = response.headers
            except StoreRefusal as error:
                if error.status != 404:
                    raise
                await self.ping()
                return None
            sha256 = whole_sha256(headers.get("x-amz-checksum-sha256"), headers.get("x-amz-checksum-type"))
            # Some stores return it without a request.
            return ObjectHead(
                int(headers["Content-Length"]),
                headers["ETag"],
                sha256 if with_sha256 else None,
                unsigned_headers(headers),
            )

    def stream(self, key: str, etag: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of exactly this version of an object; see ``reading.stream``."""
        return stream(self._objects, key, etag, self.ping)

    async def pages(self, prefix: str) -> AsyncGenerator[list[StoredObject], None]:
        """Yield all objects whose key begins with ``prefix``, in pages of up to 1,000."""
        with map_store_errors():
            paginator = self._client.get_paginator("list_objects_v2")
            async for page in paginator.paginate(Bucket=self._bucket, Prefix=prefix):
                yield [
                    StoredObject(item["Key"], item["Size"], item["LastModified"], item["ETag"])
                    for item in page.get("Contents", [])
                ]

    async def delete(self, key: str) -> None:
        """Remove an object. A missing object counts as removed."""
        await delete(self._objects, key)

    async def delete_many(self, keys: Sequence[str]) -> dict[str, Exception]:
        """Remove up to a thousand objects. Return the errors of those that were not removed, by key.

        Raises:
            ServiceUnavailable: the store is unavailable; some objects may be removed.
        """
        return await delete_many(self._objects, self._client, self._bucket, keys)

    async def ping(self) -> None:
        """Prove that the bucket is accessible with our credentials.

        Used whenever an object is missing, because stores do not report reliably whether the object or the
        bucket is missing. With a mistyped bucket every file would otherwise count as missing.

        Raises:
            ServiceUnavailable: the store is unavailable, or the bucket does not exist.
        """
        with map_store_errors():
            try:
                async with asyncio.timeout(self._timeout):
                    await self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if status_of(error) == 404:
                    raise ServiceUnavailable("The object store's bucket") from error
                raise

    async def create_bucket(self, region: str, origins: Sequence[str]) -> list[str]:
        """Create the bucket if it is missing, and set our rules.

        Pages of ``origins`` may send and fetch objects, and the store aborts multipart uploads that stay open
        for too long. Other rules of the bucket do not change. A CORS rule of an earlier run is replaced, or
        removed if there are no origins.

        Returns:
            What the store did not do, one sentence each, for the operator.
        """
        if not await bucket.create(self._client, self._bucket, region):
            # Not every store says whether the bucket is ours. If it is of another account, this raises.
            await self.ping()
        notes = (
            await bucket.abort_abandoned_uploads(self._client, self._bucket),
            await bucket.allow_origins(self._client, self._bucket, origins),
        )
        return [note for note in notes if note is not None]


def _follow_no_redirect(context: dict[str, Any], **_: Any) -> None:
    # After a redirect botocore requests the bucket's region by a HEAD, and repeats it if that is redirected,
    # up to Python's recursion limit. Our endpoint is configured, so a redirect is a wrong setting or an
    # outage.
    context.setdefault("s3_redirect", {})["redirected"] = True


@cache
def open_session(access_key: str, secret_key: str, region: str) -> aioboto3.Session:
    """Return the session of these credentials.

    Cached, because a session takes 60 ms to read the API of S3.
    """
    return aioboto3.Session(access_key, secret_key, region_name=region)


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[Storage]:
    """Open a client of the store. Makes no request."""
    session = open_session(
        settings.s3_access_key, settings.s3_secret_key.get_secret_value(), settings.s3_region
    )
    config = AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=settings.s3_read_timeout,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=MAX_CONNECTIONS,
        # The newer defaults add a CRC to requests and require one in responses, which not every store
        # supports.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    async with (
        session.client("s3", endpoint_url=settings.s3_endpoint_url, config=config) as client,
        open_objects(settings) as objects,
    ):
        client.meta.events.register("before-call.s3", _follow_no_redirect)
        yield Storage(objects, client, settings.s3_bucket, settings.s3_timeout)
