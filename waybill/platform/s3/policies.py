"""The rights that Waybill's keys need on its bucket, as policies in the language of IAM."""

from collections.abc import Mapping, Sequence
from typing import Any

_BUCKET_ACTIONS = (
    *("s3:CreateBucket", "s3:GetBucketCors", "s3:GetBucketLocation", "s3:GetLifecycleConfiguration"),
    *("s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:PutBucketCors", "s3:PutLifecycleConfiguration"),
)
_OBJECT_ACTIONS = (
    *("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts"),
    "s3:PutObject",
)


def main_policy(bucket: str) -> Mapping[str, Any]:
    """Return what the key of API and workers needs."""
    return _policy(
        _allow(_BUCKET_ACTIONS, f"arn:aws:s3:::{bucket}"),
        _allow(_OBJECT_ACTIONS, f"arn:aws:s3:::{bucket}/*"),
    )


def upload_policy(bucket: str) -> Mapping[str, Any]:
    """Return what the key that signs upload URLs needs: the right to put objects and parts, and no other."""
    return _policy(_allow(["s3:PutObject"], f"arn:aws:s3:::{bucket}/*"))


def _policy(*statements: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements]}


def _allow(actions: Sequence[str], resource: str) -> Mapping[str, Any]:
    return {"Effect": "Allow", "Action": [*actions], "Resource": resource}
