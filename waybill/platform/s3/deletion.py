"""Removing objects, of which one that is not there counts as removed."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from waybill.platform.errors import ServiceUnavailable
from waybill.platform.s3.errors import code_of, map_store_errors, means_outage, status_of

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


class ObjectKeptError(Exception):
    """An object that the store refuses to remove, and the store's word for why."""


async def delete(client: "S3Client", bucket: str, key: str) -> None:
    """Remove one object. S3 answers 204 whether it was there or not."""
    with map_store_errors():
        try:
            await client.delete_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) != "NoSuchKey":
                raise


async def delete_many(client: "S3Client", bucket: str, keys: Sequence[str]) -> dict[str, Exception]:
    """Remove up to a thousand objects; what kept those that stay, by key."""
    if not keys:
        return {}
    with map_store_errors():
        try:
            answer = await client.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        except ClientError as error:
            # Not every store has this request, or takes the CRC32 that our client must put into it: some know
            # the older Content-MD5 only.
            if status_of(error) not in {400, 405, 501}:
                raise
            return await _delete_each(client, bucket, keys)
    problems = {error["Key"]: error["Code"] for error in answer.get("Errors", [])}
    return {key: _kept(key, code) for key, code in problems.items() if code != "NoSuchKey"}


async def _delete_each(client: "S3Client", bucket: str, keys: Sequence[str]) -> dict[str, Exception]:
    kept: dict[str, Exception] = {}

    async def attempt(key: str) -> None:
        try:
            await delete(client, bucket, key)
        except Exception as error:
            kept[key] = error

    await asyncio.gather(*map(attempt, keys))
    return kept


def _kept(key: str, code: str) -> Exception:
    return ServiceUnavailable("The object store") if means_outage(code) else ObjectKeptError(f"{key}: {code}")
