"""Request, send, complete: the main job."""

import hashlib
import os
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.parity.apis import ApiClient
from tests.uploads import put, settled, stored, uploaded


async def test_an_upload_ends_completed_with_the_hash_of_its_content(api: ApiClient) -> None:
    content = os.urandom(100_000)
    requested = await api.request(
        name="Käse & Brot.bin", size=len(content), contentType="application/x-cheese"
    )
    assert requested.data["file"]["status"] == "PENDING"
    assert requested.data["file"]["name"] == "Käse & Brot.bin"
    assert (await put(requested.data["upload"], content)).status_code == 200

    completed = await api.complete(requested.id)
    assert completed.data["status"] == "PROCESSING"

    file = await settled(api, requested.id)
    assert file["status"] == "COMPLETED"
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert file["completedAt"] >= file["createdAt"]
    assert file["createdAt"].endswith("Z")


async def test_the_upload_signs_its_headers_and_its_length_and_nothing_else(api: ApiClient) -> None:
    sha256 = hashlib.sha256(b"hello").hexdigest()
    upload = (await api.request(name="a", size=5, contentType="text/plain", sha256=sha256)).data["upload"]
    assert upload["method"] == "PUT"
    # Apart from the headers: a browser logs an error for each script that sets Content-Length.
    assert upload["contentLength"] == 5
    assert upload["headers"] == {
        "Content-Type": "text/plain",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
    }
    signed = parse_qs(urlsplit(upload["url"]).query)["X-Amz-SignedHeaders"][0].split(";")
    assert set(signed) == {name.lower() for name in upload["headers"]} | {"host", "content-length"}


async def test_the_object_key_holds_no_file_name(api: ApiClient) -> None:
    upload = (await api.request(name="secret-plan.doc", size=1)).data["upload"]
    assert "secret" not in upload["url"]


async def test_an_empty_file_is_a_file(api: ApiClient) -> None:
    file = await stored(api, b"")
    assert file["status"] == "COMPLETED"
    assert file["sha256"] == hashlib.sha256(b"").hexdigest()


async def test_a_type_that_is_not_given_is_octet_stream(api: ApiClient) -> None:
    assert (await api.request(name="a", size=1)).data["file"]["contentType"] == "application/octet-stream"


async def test_complete_before_the_bytes_says_so_and_changes_nothing(api: ApiClient) -> None:
    requested = await api.request(name="a", size=5)
    early = await api.complete(requested.id)
    assert early.code == "object_missing"
    assert (await api.get(requested.id)).data["status"] == "PENDING"

    assert (await put(requested.data["upload"], b"hello")).status_code == 200
    assert (await api.complete(requested.id)).code is None
    assert (await settled(api, requested.id))["status"] == "COMPLETED"


async def test_complete_can_be_repeated(api: ApiClient) -> None:
    first = await uploaded(api, os.urandom(10))
    assert (await api.complete(first.id)).code is None
    file = await settled(api, first.id)
    assert (await api.complete(first.id)).data == file


async def test_the_store_refuses_a_body_of_another_length(api: ApiClient) -> None:
    requested = await api.request(name="a", size=5)
    upload = requested.data["upload"]
    for body in (b"hell", b"hello!"):
        async with httpx.AsyncClient() as client:
            headers = upload["headers"] | {"Content-Length": str(len(body))}
            response = await client.put(upload["url"], headers=headers, content=body)
        assert response.status_code == 403
    assert (await api.complete(requested.id)).code == "object_missing"


async def test_the_store_refuses_content_of_another_checksum(api: ApiClient) -> None:
    requested = await api.request(name="a", size=5, sha256=hashlib.sha256(b"hello").hexdigest())
    assert (await put(requested.data["upload"], b"jello")).status_code == 400
    assert (await api.complete(requested.id)).code == "object_missing"


async def test_a_url_works_once(api: ApiClient) -> None:
    content = os.urandom(5)
    requested = await api.request(name="a", size=5)
    assert (await put(requested.data["upload"], content)).status_code == 200
    assert (await put(requested.data["upload"], b"other")).status_code == 412
    await api.complete(requested.id)
    file = await settled(api, requested.id)
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert (await put(requested.data["upload"], b"later")).status_code == 412


async def test_a_whole_number_may_be_written_with_a_point(api: ApiClient) -> None:
    requested = await api.request(name="a", size=5.0)
    assert requested.code is None, requested
    assert requested.data["file"]["size"] == 5
