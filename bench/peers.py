"""Compare with a server that users might choose instead. The results are not goals, because the two differ.

Uppy Companion's `GET /s3/params` returns a form that a browser posts to S3. Its signature is for one key (a
UUID and the file's name), one content type and the metadata, and is valid for 800 seconds. The differences to
our `POST /api/v1/files/upload-request`, from its source and, where marked, proved again by each run:

- It requires no token (proved); operators must add their own server for that. Our file belongs to an owner,
  and only this owner can complete, read and delete it.
- It contacts no server and stores nothing about the file. Our record is in MongoDB's journal before the
  response.
- It does not know the size or a SHA-256. Its form accepts more bytes than the file has, and overwrites an
  earlier upload (proved); one range of sizes for all files can be configured. Our URL accepts exactly the
  declared length, and once (proved).
- It does nothing after the upload: no completion, no verification, no expiry.
- It logs each request and stores a session (in memory without Redis); its standalone server cannot disable
  that. Ours does not log requests that succeed.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from bench.companion import companion, version
from bench.load import Target
from bench.measure import Row, compare
from bench.requests import UPLOAD_REQUEST, rate
from bench.stand import OWNER, api_alone
from stack.stack import Stack
from tests.service import Service
from waybill.platform.presign import Presigner

CONTENT = b"holiday" * 100

# The query that Uppy sends by default: all fields of the file's metadata.
QUERY = urlencode(
    {
        "filename": UPLOAD_REQUEST["name"],
        "type": UPLOAD_REQUEST["contentType"],
        "metadata[name]": UPLOAD_REQUEST["name"],
        "metadata[type]": UPLOAD_REQUEST["contentType"],
    }
)

LACKS = "asks for no token, keeps no record, binds no size, checksum or first use, and verifies nothing"


def peers(stack: Stack) -> Iterator[Row]:
    """Request an upload, one process each, sixteen connections."""
    with api_alone(stack) as service, companion(service) as address:
        ours = Target(
            f"{service.address}/api/v1/files/upload-request", service.token(OWNER), "POST", UPLOAD_REQUEST
        )
        # It is sent our token too, which it does not look at, so that the requests are alike.
        theirs = Target(f"{address}/s3/params?{QUERY}", ours.token)
        _prove_ours(service, ours)
        _prove_theirs(service, theirs)
        yield compare(
            "request an upload, REST",
            rate(ours),
            f"Uppy Companion {version()}: sign a form",
            rate(theirs),
            unit="/s",
            remark=lambda: f"Companion {LACKS}",
        )


def _prove_ours(service: Service, target: Target) -> None:
    upload_request = {**UPLOAD_REQUEST, "size": len(CONTENT)}
    _expect("a request without a token", httpx.post(target.url, json=upload_request), 401)
    answer = httpx.post(target.url, json=upload_request, headers={"Authorization": f"Bearer {target.token}"})
    _expect("a request", answer, 201)
    upload = answer.json()["upload"]
    key = urlsplit(upload["url"]).path.removeprefix(f"/{service.settings.s3_bucket}/")
    longer = {**upload["headers"], "Content-Length": str(2 * len(CONTENT))}
    _expect("a PUT of more", httpx.put(upload["url"], content=2 * CONTENT, headers=longer), 403)
    _expect("a PUT", httpx.put(upload["url"], content=CONTENT, headers=upload["headers"]), 200)
    _expect("a second PUT", httpx.put(upload["url"], content=CONTENT, headers=upload["headers"]), 412)
    _expect_object(service, key, CONTENT)


def _prove_theirs(service: Service, target: Target) -> None:
    answer = httpx.get(target.url)
    _expect("a request to Companion without a token", answer, 200)
    form = answer.json()
    for content in (CONTENT, 2 * CONTENT):
        _expect("a POST of Companion's form", _post(form, content), 201)
        _expect_object(service, form["fields"]["key"], content)


def _post(form: dict[str, Any], content: bytes) -> httpx.Response:
    return httpx.post(form["url"], data=form["fields"], files={"file": (UPLOAD_REQUEST["name"], content)})


def _expect_object(service: Service, key: str, content: bytes) -> None:
    signer = Presigner.from_settings(service.settings)
    found = httpx.get(signer.get(key, disposition="inline", content_type="image/jpeg", ttl=60).url)
    if found.content != content:
        raise RuntimeError(f"{key} did not arrive: {found.status_code} {found.text[:200]}")


def _expect(what: str, answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise RuntimeError(f"{what} was answered {answer.status_code}, not {status}: {answer.text[:200]}")
