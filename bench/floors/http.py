"""The least code that does the I/O of a request: no token, no validation, no lifecycle.

Reads WAYBILL_* as Waybill does, and works on the very same collection, so that MongoDB has the same to do.
"""

import hashlib
import hmac
import os
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

OWNER = "bench"

_setting = {name.removeprefix("WAYBILL_"): value for name, value in os.environ.items()}
_client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
    _setting["MONGODB_URL"], tz_aware=True, w="majority", journal=True
)
_files = _client[_setting["MONGODB_DATABASE"]]["files"]
_host = urlsplit(_setting["S3_ENDPOINT_URL"]).netloc
_region = _setting["S3_REGION"]


async def request_upload(request: Request) -> JSONResponse:
    """One insert, one signature."""
    upload_request = await request.json()
    now = datetime.now(UTC)
    key = f"files/{secrets.token_hex(16)}"
    document = {
        "owner": OWNER,
        "name": upload_request["name"],
        "size": upload_request["size"],
        "content_type": upload_request["contentType"],
        "object_key": key,
        "created_at": now,
        "upload_expires_at": now + timedelta(seconds=900),
        "status": "PENDING",
        "expire_at": now + timedelta(seconds=4500),
    }
    await _files.insert_one(document)
    signed = {
        "content-length": str(upload_request["size"]),
        "content-type": upload_request["contentType"],
        "if-none-match": "*",
    }
    upload = {"method": "PUT", "url": sign("PUT", key, signed, now), "headers": signed}
    return JSONResponse({"file": _shown(document), "upload": upload}, 201)


async def get_one(request: Request) -> JSONResponse:
    """One find."""
    found = await _files.find_one({"_id": ObjectId(request.path_params["id"]), "owner": OWNER})
    assert found is not None  # noqa: S101
    return JSONResponse(_shown(found))


async def list_some(request: Request) -> JSONResponse:
    """One find of twenty and one."""
    query = {"owner": OWNER, "deleted_at": None}
    found = await _files.find(query).sort([("created_at", -1), ("_id", -1)]).hint("newest").to_list(21)
    return JSONResponse({"items": [_shown(document) for document in found[:20]]})


def sign(method: str, key: str, headers: dict[str, str], now: datetime) -> str:
    """A presigned URL (SigV4 in the query string), with the day's key made once."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{_region}/s3/aws4_request"
    names = sorted([*headers, "host"])
    canonical = "\n".join(f"{name}:{_host if name == 'host' else headers[name]}" for name in names)
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential={quote(_setting['S3_ACCESS_KEY'] + '/' + scope, safe='')}"
        f"&X-Amz-Date={stamp}&X-Amz-Expires=900&X-Amz-SignedHeaders={'%3B'.join(names)}"
    )
    path = f"/{_setting['S3_BUCKET']}/{key}"
    whole = f"{method}\n{path}\n{query}\n{canonical}\n\n{';'.join(names)}\nUNSIGNED-PAYLOAD"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(whole.encode()).hexdigest()}"
    signature = hmac.new(_day_key(stamp[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"http://{_host}{path}?{query}&X-Amz-Signature={signature}"


_keys: dict[str, bytes] = {}


def _day_key(day: str) -> bytes:
    if day not in _keys:
        key = f"AWS4{_setting['S3_SECRET_KEY']}".encode()
        for part in (day, _region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        _keys[day] = key
    return _keys[day]


def _shown(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(document["_id"]),
        "name": document["name"],
        "size": document["size"],
        "contentType": document["content_type"],
        "status": document["status"],
        "createdAt": document["created_at"].isoformat(),
    }


app = Starlette(
    routes=[
        Route("/upload-request", request_upload, methods=["POST"]),
        Route("/files", list_some),
        Route("/files/{id}", get_one),
    ]
)
