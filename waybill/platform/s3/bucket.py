"""Create the bucket if it is missing, and add our rules to those of others.

One request to S3 replaces all rules of a bucket, and it cannot be conditional. Two runs of `waybill init`
write the same rules, so their race is harmless. Another tool must not change the rules at the same moment.

Source: Amazon S3 API Reference, PutBucketCors and PutBucketLifecycleConfiguration.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from waybill.platform.s3.errors import code_of, map_store_errors, status_of
from waybill.platform.s3.object_key import KEY_PREFIX

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.literals import BucketLocationConstraintType
    from types_aiobotocore_s3.type_defs import LifecycleRuleTypeDef

#: Days after which the store aborts a multipart upload: longer than one may be open.
ABANDONED_DAYS = 8

#: Response headers that pages may read. Range readers (PDF viewers, players, archives) need all of them.
EXPOSED_HEADERS = (
    *("ETag", "Content-Length", "Content-Type", "Content-Range", "Accept-Ranges"),
    *("Content-Disposition", "Content-Encoding", "Last-Modified"),
)

_CORS_RULE_ID = "waybill-pages"
_LIFECYCLE_RULE_ID = "waybill-abandoned-multiparts"

#: Our CORS rule, without id and origins.
_CORS_RULE: Mapping[str, Any] = {
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": [*EXPOSED_HEADERS],
    "MaxAgeSeconds": 3600,
}

#: Our rules without an id: those of older releases, and those of stores that drop the id.
_NAMELESS_CORS_RULES = (_CORS_RULE, {**_CORS_RULE, "ExposeHeaders": ["ETag"]})


async def create(client: "S3Client", bucket: str, region: str) -> bool:
    """Create the bucket. Return whether it was missing."""
    with map_store_errors():
        try:
            if region == "us-east-1":  # S3 refuses this region as a LocationConstraint
                await client.create_bucket(Bucket=bucket)
            else:
                constraint: BucketLocationConstraintType = region  # type: ignore[assignment]
                await client.create_bucket(
                    Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": constraint}
                )
        except ClientError as error:
            if code_of(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise
            return False
    return True


async def abort_abandoned_uploads(client: "S3Client", bucket: str) -> str | None:
    """Let the store abort multipart uploads after ``ABANDONED_DAYS``, in addition to our own sweeper.

    Returns:
        Why the store has no such rule, for the operator; None if it has.
    """
    ours: LifecycleRuleTypeDef = {
        "ID": _LIFECYCLE_RULE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": KEY_PREFIX},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABANDONED_DAYS},
    }
    with map_store_errors():
        try:
            others = [rule for rule in await _lifecycle_rules(client, bucket) if rule.get("ID") != ours["ID"]]
            await client.put_bucket_lifecycle_configuration(
                Bucket=bucket, LifecycleConfiguration={"Rules": [*others, ours]}
            )
        except ClientError as error:
            if status_of(error) not in {400, 403, 501}:
                raise
            return (
                f"The store refuses a lifecycle rule for abandoned uploads in parts ({code_of(error)}). "
                "MinIO needs none: it aborts them by itself after MINIO_API_STALE_UPLOADS_EXPIRY, which must "
                f"be at least {ABANDONED_DAYS * 24}h."
            )
    return None


async def allow_origins(client: "S3Client", bucket: str, origins: Sequence[str]) -> str | None:
    """Allow pages of ``origins``, and no others, to send and fetch objects.

    Returns:
        What the store did not do, for the operator; None if it did everything.
    """
    with map_store_errors():
        try:
            rules = await _cors_rules(client, bucket)
            others = [rule for rule in rules if not _is_ours(rule)]
            # First, because the store uses the first rule that matches.
            ours = [{**_CORS_RULE, "ID": _CORS_RULE_ID, "AllowedOrigins": [*origins]}] if origins else []
            if ours or len(others) < len(rules):
                await _write_cors_rules(client, bucket, [*ours, *others])
        except ClientError as error:
            if code_of(error) == "NotImplemented":
                if origins:
                    return (
                        "The store has no CORS rules per bucket. Allow the origins for the whole store; "
                        "MinIO reads MINIO_API_CORS_ALLOW_ORIGIN."
                    )
            elif code_of(error) == "AccessDenied" and not origins:
                return "The key may not read the CORS rules of the bucket, so one of Waybill's may be left."
            else:
                raise
    return None


async def _lifecycle_rules(client: "S3Client", bucket: str) -> Sequence[Any]:
    try:
        answer = await client.get_bucket_lifecycle_configuration(Bucket=bucket)
    except ClientError as error:
        if code_of(error) != "NoSuchLifecycleConfiguration":
            raise
        return []
    return answer.get("Rules", [])


async def _cors_rules(client: "S3Client", bucket: str) -> Sequence[Any]:
    try:
        answer = await client.get_bucket_cors(Bucket=bucket)
    except ClientError as error:
        if code_of(error) != "NoSuchCORSConfiguration":
            raise
        return []
    return answer.get("CORSRules", [])


async def _write_cors_rules(client: "S3Client", bucket: str, rules: Sequence[Any]) -> None:
    if rules:
        await client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    else:
        # S3 refuses an empty list of rules.
        await client.delete_bucket_cors(Bucket=bucket)


def _is_ours(rule: Mapping[str, Any]) -> bool:
    if rule.get("ID"):
        return bool(rule["ID"] == _CORS_RULE_ID)
    return any(
        all(_as_set(rule.get(name)) == _as_set(value) for name, value in known.items())
        for known in _NAMELESS_CORS_RULES
    )


def _as_set(value: Any) -> Any:
    return set(value) if isinstance(value, list) else value
