"""The store's client: what is missing, and what is only away."""

import hashlib

import pytest
from multidict import CIMultiDict

from tests.actors.conftest import open_bucket
from tests.service import Service
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.s3.checksums import whole_sha256
from waybill.platform.s3.reading import ObjectGoneError
from waybill.platform.s3.storage import open_storage
from waybill.platform.s3.unsigned_headers import unsigned_headers


async def test_an_object_that_is_missing_is_gone(service: Service) -> None:
    settings = service.settings.model_copy(update={"s3_timeout": 60})  # for a busy machine
    async with open_storage(settings) as storage:
        assert await storage.head("files/none") is None
        with pytest.raises(ObjectGoneError):
            await anext(storage.stream("files/none", '"etag"'))
        await storage.delete("files/none")


async def test_a_bucket_that_is_missing_is_not_a_missing_object(service: Service) -> None:
    async with open_storage(service.settings.model_copy(update={"s3_bucket": "no-such-bucket"})) as storage:
        with pytest.raises(ServiceUnavailable):
            await storage.head("files/none")
        with pytest.raises(ServiceUnavailable):
            await anext(storage.stream("files/none", '"etag"'))
        with pytest.raises(ServiceUnavailable):
            await storage.ping()


@pytest.mark.bucket_rules
async def test_the_stores_own_rules_stay_beside_ours(service: Service) -> None:
    settings = service.settings
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    async for bucket in open_bucket(service):
        for _ in range(2):
            answer = await bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name)
            [ours] = [rule for rule in answer["Rules"] if "AbortIncompleteMultipartUpload" in rule]
            await bucket.client.put_bucket_lifecycle_configuration(
                Bucket=bucket.name, LifecycleConfiguration={"Rules": [theirs, ours]}
            )
            async with open_storage(settings) as storage:
                # Pages of other tests go on using the bucket.
                await storage.create_bucket(settings.s3_region, ["*"])
        answer = await bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name)
    assert [rule["ID"] for rule in answer["Rules"]] == ["theirs", ours["ID"]]


async def test_the_sha256_of_a_whole_object_is_told_if_the_store_verified_it(service: Service) -> None:
    sha256 = hashlib.sha256(b"hello").hexdigest()
    async for bucket in open_bucket(service):
        put = bucket.client.put_object
        await put(Bucket=bucket.name, Key="sums/whole", Body=b"hello", ChecksumAlgorithm="SHA256")
        await put(Bucket=bucket.name, Key="sums/other", Body=b"hello", ChecksumAlgorithm="CRC32")
        await bucket.put("sums/none", b"hello")
        begun = await bucket.client.create_multipart_upload(
            Bucket=bucket.name, Key="sums/parts", ChecksumAlgorithm="SHA256"
        )
        upload = {"Bucket": bucket.name, "Key": "sums/parts", "UploadId": begun["UploadId"]}
        part = await bucket.client.upload_part(
            **upload, PartNumber=1, Body=b"hello", ChecksumAlgorithm="SHA256"
        )
        named = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}
        await bucket.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": [named]})
    async with open_storage(service.settings) as storage:
        checksums = {}
        for name in ("whole", "other", "none", "parts"):
            head = await storage.head(f"sums/{name}", with_sha256=True)
            assert head is not None
            assert head.size == 5
            checksums[name] = head.sha256
        assert checksums == {"whole": sha256, "other": None, "none": None, "parts": None}
        unasked = await storage.head("sums/whole")
        assert unasked is not None
        assert unasked.sha256 is None


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        (
            {
                "Content-Type": "a/b",
                "x-amz-server-side-encryption": "AES256",
                "x-amz-storage-class": "GLACIER",
            },
            (),
        ),
        ({"Content-Encoding": "gzip"}, ("Content-Encoding",)),
        ({"Expires": "soon"}, ("Expires",)),
        ({"cache-control": "public", "X-Amz-Meta-A": "b"}, ("Cache-Control", "x-amz-meta-a")),
        ({"cache-control": "max-age=0"}, ()),
        ({"cache-control": "no-cache", "Content-Encoding": "gzip"}, ("Content-Encoding",)),
        ({"cache-control": "max-age=0, public"}, ("Cache-Control",)),
        ({"x-amz-website-redirect-location": "/"}, ("x-amz-website-redirect-location",)),
    ],
)
def test_headers_of_a_client_are_told_from_the_settings_of_a_bucket(
    headers: dict[str, str], names: tuple[str, ...]
) -> None:
    assert unsigned_headers(CIMultiDict(headers)) == names


@pytest.mark.parametrize(
    ("checksums", "kind", "sha256"),
    [
        ("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", None, hashlib.sha256(b"hello").hexdigest()),
        ("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "FULL_OBJECT", hashlib.sha256(b"hello").hexdigest()),
        ("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "COMPOSITE", None),
        ("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=-1", None, None),
        ("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=-1", "FULL_OBJECT", None),
        ("LPJNul+wow4m6DsqxbninhsW", None, None),
        ("!", None, None),
        ("", None, None),
        (None, "FULL_OBJECT", None),
    ],
)
def test_a_checksum_of_checksums_is_not_one_of_the_content(
    checksums: str | None, kind: str | None, sha256: str | None
) -> None:
    assert whole_sha256(checksums, kind) == sha256
