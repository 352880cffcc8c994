"""Uploads that the store's events complete, for their client never called back."""

import asyncio
import hashlib
import os
from typing import Any

import pytest

from tests.actors.conftest import Bucket, key_of, suspended, verdicts
from tests.events import accepted, amazon, minio
from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import purged, put, settled


async def sent(api: RestApi, content: bytes) -> tuple[str, str]:
    """Request and send, and no more; the id and the key of a PENDING file whose bytes have arrived."""
    requested = await api.request(name="a", size=len(content))
    assert (await put(requested.data["upload"], content)).status_code == 200
    return requested.id, key_of(requested.data["upload"])


async def status(api: RestApi, file_id: str) -> str:
    found: str = (await api.get(file_id)).data["status"]
    return found


@pytest.mark.parametrize("form", [minio, amazon])
async def test_an_event_completes_an_upload(api: RestApi, jobs: Service, bucket: Bucket, form: Any) -> None:
    content = os.urandom(1000)
    file_id, key = await sent(api, content)
    await accepted(jobs, form(bucket.name, key))
    file = await settled(api, file_id)
    assert (file["status"], file["sha256"]) == ("COMPLETED", hashlib.sha256(content).hexdigest())


async def test_several_records_are_several_uploads(api: RestApi, jobs: Service, bucket: Bucket) -> None:
    uploads = [await sent(api, os.urandom(10)) for _ in range(3)]
    records = [record for _, key in uploads for record in amazon(bucket.name, key)["Records"]]
    records.insert(1, amazon("another-bucket", "a")["Records"][0])
    await accepted(jobs, {"Records": records})
    assert {(await settled(api, file_id))["status"] for file_id, _ in uploads} == {"COMPLETED"}


async def test_what_an_event_says_of_the_object_is_not_believed(
    api: RestApi, jobs: Service, bucket: Bucket
) -> None:
    content = os.urandom(1000)
    file_id, key = await sent(api, content)
    await accepted(jobs, minio(bucket.name, key, size=7, eTag="not-the-etag"))
    assert (await settled(api, file_id))["sha256"] == hashlib.sha256(content).hexdigest()
    wrong = await api.request(name="a", size=5)
    await bucket.put(key_of(wrong.data["upload"]), b"longer than five")
    await accepted(jobs, minio(bucket.name, key_of(wrong.data["upload"]), size=5))
    assert (await settled(api, wrong.id))["failureReason"] == "SIZE_MISMATCH"


async def test_events_and_completes_at_once_have_one_effect(
    api: RestApi, jobs: Service, bucket: Bucket
) -> None:
    file_id, key = await sent(api, os.urandom(1000))
    event = minio(bucket.name, key)
    answers, _ = await asyncio.gather(
        asyncio.gather(*(api.complete(file_id) for _ in range(10))),
        asyncio.gather(*(accepted(jobs, event, event) for _ in range(10))),
    )
    assert {answer.code for answer in answers} == {None}
    file = await settled(api, file_id)
    assert file["status"] == "COMPLETED"
    # And late ones none at all.
    await accepted(jobs, event)
    assert (await api.complete(file_id)).data == (await api.get(file_id)).data == file
    assert len(await verdicts(jobs, file_id)) == 1


async def test_an_event_that_overtakes_its_object_is_ignored(
    api: RestApi, jobs: Service, bucket: Bucket
) -> None:
    requested = await api.request(name="a", size=5)
    event = minio(bucket.name, key_of(requested.data["upload"]))
    await accepted(jobs, event)
    assert await status(api, requested.id) == "PENDING"
    await put(requested.data["upload"], b"hello")
    await accepted(jobs, event)
    assert (await settled(api, requested.id))["status"] in {"COMPLETED", "DUPLICATE"}


async def test_what_is_no_arrival_of_this_upload_completes_nothing(
    api: RestApi, jobs: Service, bucket: Bucket
) -> None:
    file_id, key = await sent(api, os.urandom(10))
    foreign = await api.request(name="b", size=5)  # whose bytes have not arrived
    await accepted(
        jobs,
        minio("another-bucket", key),
        minio(bucket.name.upper(), key),
        minio(bucket.name, key, name="s3:ObjectRemoved:Delete"),
        minio(bucket.name, key, name="s3:ObjectAccessed:Head"),
        minio(bucket.name, key_of(foreign.data["upload"])),
        minio(bucket.name, f"files/{file_id}/{'0' * 32}"),
        minio(bucket.name, f"files/{file_id}/"),
        minio(bucket.name, f"{key}\n"),
        minio(bucket.name, f"/{key}"),
        minio(bucket.name, f"doctor/{key}"),
        minio(bucket.name, "files/6b043f91342f2be4ee3195a4/" + "0" * 32),
        minio(bucket.name, ""),
        {"Records": []},
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket.name, "RequestId": "1"},
    )
    assert {await status(api, each) for each in (file_id, foreign.id)} == {"PENDING"}
    await accepted(jobs, minio(bucket.name, key))
    assert (await settled(api, file_id))["status"] == "COMPLETED"


async def test_an_upload_that_is_over_stays_as_it_is(
    api: RestApi, jobs: Service, bucket: Bucket, age: Any
) -> None:
    deleted, deleted_key = await sent(api, os.urandom(10))
    expired, expired_key = await sent(api, os.urandom(10))
    await api.delete(deleted)
    await age(expired, "expire_at")
    assert (await settled(api, expired))["status"] == "EXPIRED"
    events = [minio(bucket.name, key) for key in (deleted_key, expired_key)]
    await accepted(jobs, *events)
    for file_id in (deleted, expired):
        await purged(api, file_id)
    await accepted(jobs, *events)
    assert [await status(api, file_id) for file_id in (deleted, expired)] == ["PENDING", "EXPIRED"]


async def test_an_event_against_a_delete_leaves_a_purged_file(
    api: RestApi, jobs: Service, bucket: Bucket
) -> None:
    for _ in range(5):
        file_id, key = await sent(api, os.urandom(10))
        event = minio(bucket.name, key)
        await asyncio.gather(accepted(jobs, event), api.delete(file_id), accepted(jobs, event))
        assert (await purged(api, file_id))["deletedAt"] is not None


async def test_the_object_that_arrived_is_the_one_that_counts(
    api: RestApi, jobs: Service, bucket: Bucket
) -> None:
    file_id, key = await sent(api, b"hello")
    with suspended(jobs):
        await accepted(jobs, minio(bucket.name, key))
        await bucket.put(key, b"jello")
        await accepted(jobs, minio(bucket.name, key))
    assert (await settled(api, file_id))["failureReason"] == "OBJECT_CHANGED"


async def test_parts_that_were_put_together_before_a_crash_are_taken_up(
    api: RestApi, jobs: Service, bucket: Bucket
) -> None:
    content = os.urandom(1000)
    requested = await api.request(name="a", size=len(content), multipart=True)
    [part] = (await api.request_parts(requested.id, [1])).data["parts"]
    etag = (await put(part, content)).headers["etag"]
    key, query = key_of(part), part["url"].partition("uploadId=")[2]
    event = minio(bucket.name, key, name="s3:ObjectCreated:CompleteMultipartUpload")
    # All parts are there, but it is the client who says that they are final.
    await accepted(jobs, event)
    assert await status(api, requested.id) == "PENDING"
    assert len((await api.parts(requested.id)).data["parts"]) == 1
    # What `complete` did, had it died just then.
    await bucket.client.complete_multipart_upload(
        Bucket=bucket.name,
        Key=key,
        UploadId=query.split("&")[0],
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]},
    )
    await accepted(jobs, event, event)
    file = await settled(api, requested.id)
    assert (file["status"], file["sha256"]) == ("COMPLETED", hashlib.sha256(content).hexdigest())
    assert (await api.complete(requested.id)).data == file
