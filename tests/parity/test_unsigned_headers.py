"""What an uploader adds to a signed request must not change what others download."""

import gzip
from urllib.parse import urlsplit

import httpx
import pytest

from tests.actors.conftest import open_bucket
from tests.parity.apis import ApiClient, RestApi
from tests.service import Service
from tests.store import IS_EMBEDDED
from tests.uploads import put, settled, stored
from waybill.platform.presign import Presigner

CONTENT = gzip.compress(b"\0" * 300_000)

#: What the store of the tests keeps although it is not signed.
STORED_HEADERS = {
    "Content-Encoding": "gzip",
    "Cache-Control": "public, max-age=31536000",
    "Content-Disposition": 'inline; filename="invoice.html"',
    "Content-Language": "de",
    "Expires": "Fri, 01 Jan 2038 00:00:00 GMT",
}

#: What it refuses, as Amazon S3 does.
REFUSED = {
    "x-amz-meta-author": "alice",
    "x-amz-website-redirect-location": "https://elsewhere.example/",
    "x-amz-storage-class": "GLACIER",
    "x-amz-acl": "public-read",
    "x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"',
    "x-amz-tagging": "delete=soon",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-object-lock-legal-hold": "ON",
}


#: What MinIO accepts: it drops these headers, and stores the tag.
DROPPED_BY_SOME = {
    *("x-amz-website-redirect-location", "x-amz-acl", "x-amz-grant-read", "x-amz-tagging"),
}


async def test_an_object_with_headers_that_were_not_signed_is_failed(service: Service, owner: str) -> None:
    async with service.client(owner) as client:
        api = RestApi(client)
        ids = {}
        for name, value in STORED_HEADERS.items():
            requested = await api.request(name=name, size=len(CONTENT))
            upload = requested.data["upload"]
            assert (await put(upload | {"headers": {**upload["headers"], name: value}}, CONTENT)).is_success
            await api.complete(requested.id)
            ids[name] = requested.id
        for name, file_id in ids.items():
            file = await settled(api, file_id)
            assert (file["status"], file["failureReason"]) == ("FAILED", "UNSIGNED_HEADERS"), name


async def test_the_cache_control_that_browsers_add_fails_no_upload(service: Service, owner: str) -> None:
    async with service.client(owner) as client:
        api = RestApi(client)
        ids = []
        for value in ("max-age=0", "no-cache"):
            requested = await api.request(name=value, size=len(value))
            upload = requested.data["upload"]
            headers = {**upload["headers"], "Cache-Control": value}
            assert (await put(upload | {"headers": headers}, value.encode())).is_success
            await api.complete(requested.id)
            ids.append(requested.id)
        for file_id in ids:
            assert (await settled(api, file_id))["status"] == "COMPLETED"


async def test_a_header_of_the_store_itself_is_refused_unless_signed(service: Service, owner: str) -> None:
    async with service.client(owner) as client, httpx.AsyncClient() as anonymous:
        for name, value in REFUSED.items():
            upload = (await RestApi(client).request(name=name, size=len(CONTENT))).data["upload"]
            answer = await put(upload | {"headers": {**upload["headers"], name: value}}, CONTENT)
            if name in DROPPED_BY_SOME and not IS_EMBEDDED and answer.is_success:
                # It made nothing public.
                assert (await anonymous.get(upload["url"].partition("?")[0])).status_code == 403, name
            else:
                assert answer.status_code in {400, 403, 501}, name
                assert (await put(upload, CONTENT)).is_success


async def test_an_upload_url_copies_no_other_object(service: Service, owner: str) -> None:
    """Stores that obey an unsigned header need an upload key, which cannot read."""
    async with service.client(f"{owner}-victim") as client:
        stolen = await RestApi(client).request(name="a", size=len(CONTENT))
        assert (await put(stolen.data["upload"], CONTENT)).is_success
    source = {"x-amz-copy-source": urlsplit(stolen.data["upload"]["url"]).path}
    async with service.client(owner) as client:
        api = RestApi(client)
        upload = (await api.request(name="b", size=5)).data["upload"]
        multipart = await api.request(name="c", size=5, multipart=True)
        [part] = (await api.request_parts(multipart.id, [1])).data["parts"]
        for each in (upload, part):
            answer = await put(each | {"headers": {**each["headers"], **source}}, b"hello")
            assert "Copy" not in answer.text
        assert [held["size"] for held in (await api.parts(multipart.id)).data["parts"]] in ([], [5])


async def test_a_part_cannot_bring_headers_for_the_object(service: Service, owner: str) -> None:
    async with service.client(owner) as client:
        api = RestApi(client)
        requested = await api.request(name="a", size=len(CONTENT), multipart=True)
        [part] = (await api.request_parts(requested.id, [1])).data["parts"]
        more = {**STORED_HEADERS, "Content-Type": "text/html"}
        assert (await put(part | {"headers": {**part["headers"], **more}}, CONTENT)).is_success
        await api.complete(requested.id)
        assert (await settled(api, requested.id))["status"] == "COMPLETED"
        async with httpx.AsyncClient() as store:
            answer = await store.get((await api.download(requested.id)).data["url"])
        assert answer.content == CONTENT


async def test_a_download_is_the_bytes_that_were_verified_and_cached_no_longer_than_its_url(
    api: ApiClient, service: Service
) -> None:
    file = await stored(api, CONTENT, name="a.gz", contentType="application/gzip")
    async with httpx.AsyncClient() as store:
        answer = await store.get((await api.download(file["id"])).data["url"])
    assert answer.content == CONTENT
    assert answer.headers["content-encoding"] == "identity"
    lifetime = service.settings.download_url_ttl
    assert answer.headers["cache-control"] == f"private, max-age={lifetime}, no-transform"


@pytest.fixture
def presigner(service: Service) -> Presigner:
    return Presigner.from_settings(service.settings)


async def test_an_encoding_that_an_earlier_release_let_through_is_not_shown(
    service: Service, presigner: Presigner
) -> None:
    async for bucket in open_bucket(service):
        await bucket.client.put_object(
            Bucket=service.settings.s3_bucket,
            Key="stored/encoded",
            Body=CONTENT,
            ContentEncoding="gzip",
            CacheControl="public",
        )
    link = presigner.get("stored/encoded", disposition="attachment", content_type="a/b", ttl=60)
    async with httpx.AsyncClient() as store:
        answer = await store.get(link.url)
    assert answer.content == CONTENT
    assert answer.headers["cache-control"] == "private, max-age=60, no-transform"
