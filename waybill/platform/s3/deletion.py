"""Remove objects. A missing object counts as removed."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from waybill.platform.errors import ServiceUnavailable
from waybill.platform.s3.errors import StoreRefusal, map_store_errors, means_outage, status_of
from waybill.platform.s3.objects import Objects

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


class RemovalRefusedError(Exception):
    """Raised when the store refuses to remove an object. The message has the store's error code."""


async def delete(objects: Objects, key: str) -> None:
    """Remove one object. S3 returns 204 also if the object is missing."""
    with map_store_errors():
        try:
            async with objects.request("DELETE", key):
                pass
        except StoreRefusal as error:
            if error.code != "NoSuchKey":
                raise


async def delete_many(
    objects: Objects, client: "S3Client", bucket: str, keys: Sequence[str]
) -> dict[str, Exception]:
    """Remove up to a thousand objects. Return the errors of those that were not removed, by key."""
    if not keys:
        return {}
    with map_store_errors():
        try:
            answer = await client.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        except ClientError as error:
            # Not every store has this request, or accepts the CRC32 that our client must send with it. Some
            # accept only the older Content-MD5.
            if status_of(error) not in {400, 405, 501}:
                raise
            return await _delete_each(objects, keys)
    problems = {error["Key"]: error["Code"] for error in answer.get("Errors", [])}
    return {key: _refusal(key, code) for key, code in problems.items() if code != "NoSuchKey"}


async def _delete_each(objects: Objects, keys: Sequence[str]) -> dict[str, Exception]:
    refusals: dict[str, Exception] = {}

    async def attempt(key: str) -> None:
        try:
            await delete(objects, key)
        except Exception as error:
            refusals[key] = error

    await asyncio.gather(*map(attempt, keys))
    return refusals


def _refusal(key: str, code: str) -> Exception:
    return (
        ServiceUnavailable("The object store")
        if means_outage(code)
        else RemovalRefusedError(f"{key}: {code}")
    )
