"""What a store sends when an object has arrived."""

from typing import Any
from urllib.parse import quote, quote_plus

import httpx

from tests.service import Service

#: The secret that the hook of a service under test is guarded by.
HOOK_SECRET = "a-secret-between-store-and-hook"


def minio(bucket: str, key: str, name: str = "s3:ObjectCreated:Put", **object_: Any) -> dict[str, Any]:
    """A notification of MinIO's: one record, its key escaped whole."""
    record = _record("minio:s3", name, bucket, quote_plus(key), object_)
    return {"EventName": name, "Key": f"{bucket}/{key}", "Records": [record]}


def amazon(bucket: str, key: str, name: str = "ObjectCreated:Put", **object_: Any) -> dict[str, Any]:
    """A notification of Amazon's: its key keeps the slashes."""
    return {"Records": [_record("aws:s3", name, bucket, quote(key), object_)]}


def _record(source: str, name: str, bucket: str, key: str, object_: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventVersion": "2.1",
        "eventSource": source,
        "awsRegion": "",
        "eventTime": "2026-01-02T03:04:05.678Z",
        "eventName": name,
        "userIdentity": {"principalId": "waybill"},
        "requestParameters": {"sourceIPAddress": "192.0.2.1"},
        "responseElements": {"x-amz-request-id": "17F0A1B2C3D4E5F6"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "Config",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "waybill"}, "arn": "arn:aws:s3:::b"},
            "object": {"key": key, "size": 5, "eTag": "0" * 32, "sequencer": "17F0A1B2C3D4E5F6"} | object_,
        },
    }


async def notify(
    service: Service, *notifications: dict[str, Any], secret: str = HOOK_SECRET
) -> httpx.Response:
    """Post notifications one after the other; the answer to the last."""
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(base_url=service.address, headers=headers, timeout=30) as client:
        for notification in notifications:
            response = await client.post("/hooks/s3", json=notification)
    return response


async def accepted(service: Service, *notifications: dict[str, Any]) -> None:
    """Post notifications, which are answered with nothing."""
    for notification in notifications:
        response = await notify(service, notification)
        assert (response.status_code, response.content) == (204, b""), response.text
