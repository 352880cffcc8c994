"""What verification finds when the store does not hold what was announced."""

import hashlib
import os

import redis

from tests.actors.conftest import Bucket, key_of, suspended
from tests.parity.faces import RestFace
from tests.service import Service
from tests.uploads import purged, put, settled, stored, uploaded


async def fails(face: RestFace, bucket: Bucket, file_id: str, reason: str) -> None:
    """The file ends FAILED for that reason, and leaves nothing in the bucket."""
    file = await settled(face, file_id)
    assert (file["status"], file["failureReason"]) == ("FAILED", reason)
    await purged(face, file_id)


async def test_another_size_fails(face: RestFace, bucket: Bucket) -> None:
    requested = await face.request(name="a", size=5)
    key = key_of(requested.data["upload"])
    await bucket.put(key, b"longer than five")
    await face.complete(requested.id)
    await fails(face, bucket, requested.id, "SIZE_MISMATCH")
    assert key not in await bucket.keys()


async def test_another_content_than_declared_fails(face: RestFace, bucket: Bucket) -> None:
    requested = await face.request(name="a", size=5, sha256=hashlib.sha256(b"hello").hexdigest())
    key = key_of(requested.data["upload"])
    await bucket.put(key, b"jello")
    await face.complete(requested.id)
    await fails(face, bucket, requested.id, "CHECKSUM_MISMATCH")
    assert key not in await bucket.keys()


async def test_an_object_replaced_after_complete_fails(face: RestFace, jobs: Service, bucket: Bucket) -> None:
    requested = await face.request(name="a", size=5)
    key = key_of(requested.data["upload"])
    await put(requested.data["upload"], b"hello")
    with suspended(jobs):
        await face.complete(requested.id)
        await bucket.put(key, b"jello")
    await fails(face, bucket, requested.id, "OBJECT_CHANGED")
    assert key not in await bucket.keys()


async def test_an_object_removed_after_complete_fails(face: RestFace, jobs: Service, bucket: Bucket) -> None:
    requested = await face.request(name="a", size=5)
    await put(requested.data["upload"], b"hello")
    with suspended(jobs):
        await face.complete(requested.id)
        await bucket.delete(key_of(requested.data["upload"]))
    await fails(face, bucket, requested.id, "OBJECT_MISSING")


async def test_a_failed_content_can_be_uploaded_again(face: RestFace, bucket: Bucket) -> None:
    content = os.urandom(5)
    requested = await face.request(name="a", size=5, sha256=hashlib.sha256(content).hexdigest())
    await bucket.put(key_of(requested.data["upload"]), b"wrong")
    await face.complete(requested.id)
    assert (await settled(face, requested.id))["status"] == "FAILED"
    assert (await stored(face, content))["status"] == "COMPLETED"


async def test_a_message_that_redis_forgot_is_sent_again(face: RestFace, jobs: Service, age: object) -> None:
    requested = await face.request(name="a", size=5)
    await put(requested.data["upload"], b"hello")
    with suspended(jobs):
        await face.complete(requested.id)
        redis.Redis.from_url(jobs.settings.redis_url.get_secret_value()).flushdb()
    await age(requested.id)  # type: ignore[operator]
    assert (await settled(face, requested.id))["status"] == "COMPLETED"


async def test_a_purge_that_redis_forgot_is_sent_again(
    face: RestFace, jobs: Service, bucket: Bucket, age: object
) -> None:
    file = await stored(face, os.urandom(10))
    with suspended(jobs):
        await face.delete(file["id"])
        redis.Redis.from_url(jobs.settings.redis_url.get_secret_value()).flushdb()
    await age(file["id"])  # type: ignore[operator]
    await purged(face, file["id"])


async def test_a_file_deleted_before_its_hash_is_never_completed(face: RestFace, jobs: Service) -> None:
    with suspended(jobs):
        completed = await uploaded(face, os.urandom(10))
        await face.delete(completed.id)
    file = await purged(face, completed.id)
    assert file["status"] == "PROCESSING"
    assert file["completedAt"] is None
