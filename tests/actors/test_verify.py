"""What verification finds when the store does not hold what was requested."""

import hashlib
import os

import redis

from tests.actors.conftest import Age, Bucket, key_of, suspended
from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import purged, put, settled, stored, uploaded


async def fails(api: RestApi, bucket: Bucket, file_id: str, reason: str) -> None:
    """The file ends FAILED for that reason, and leaves nothing in the bucket."""
    file = await settled(api, file_id)
    assert (file["status"], file["failureReason"]) == ("FAILED", reason)
    await purged(api, file_id)


async def test_another_size_fails(api: RestApi, bucket: Bucket) -> None:
    requested = await api.request(name="a", size=5)
    key = key_of(requested.data["upload"])
    await bucket.put(key, b"longer than five")
    await api.complete(requested.id)
    await fails(api, bucket, requested.id, "SIZE_MISMATCH")
    assert key not in await bucket.keys()


async def test_another_content_than_declared_fails(api: RestApi, bucket: Bucket) -> None:
    requested = await api.request(name="a", size=5, sha256=hashlib.sha256(b"hello").hexdigest())
    key = key_of(requested.data["upload"])
    await bucket.put(key, b"jello")
    await api.complete(requested.id)
    await fails(api, bucket, requested.id, "CHECKSUM_MISMATCH")
    assert key not in await bucket.keys()


async def test_an_object_replaced_after_complete_fails(api: RestApi, jobs: Service, bucket: Bucket) -> None:
    requested = await api.request(name="a", size=5)
    key = key_of(requested.data["upload"])
    await put(requested.data["upload"], b"hello")
    with suspended(jobs):
        await api.complete(requested.id)
        await bucket.put(key, b"jello")
    await fails(api, bucket, requested.id, "OBJECT_CHANGED")
    assert key not in await bucket.keys()


async def test_an_object_removed_after_complete_fails(api: RestApi, jobs: Service, bucket: Bucket) -> None:
    requested = await api.request(name="a", size=5)
    await put(requested.data["upload"], b"hello")
    with suspended(jobs):
        await api.complete(requested.id)
        await bucket.delete(key_of(requested.data["upload"]))
    await fails(api, bucket, requested.id, "OBJECT_MISSING")


async def test_a_failed_content_can_be_uploaded_again(api: RestApi, bucket: Bucket) -> None:
    content = os.urandom(5)
    requested = await api.request(name="a", size=5, sha256=hashlib.sha256(content).hexdigest())
    await bucket.put(key_of(requested.data["upload"]), b"wrong")
    await api.complete(requested.id)
    assert (await settled(api, requested.id))["status"] == "FAILED"
    assert (await stored(api, content))["status"] == "COMPLETED"


async def test_a_message_that_redis_forgot_is_sent_again(api: RestApi, jobs: Service, age: Age) -> None:
    requested = await api.request(name="a", size=5)
    await put(requested.data["upload"], b"hello")
    with suspended(jobs):
        await api.complete(requested.id)
        redis.Redis.from_url(jobs.settings.redis_url.get_secret_value()).flushdb()
    await age(requested.id)
    assert (await settled(api, requested.id))["status"] == "COMPLETED"


async def test_a_purge_that_redis_forgot_is_sent_again(
    api: RestApi, jobs: Service, bucket: Bucket, age: Age
) -> None:
    file = await stored(api, os.urandom(10))
    with suspended(jobs):
        await api.delete(file["id"])
        redis.Redis.from_url(jobs.settings.redis_url.get_secret_value()).flushdb()
    await age(file["id"])
    await purged(api, file["id"])


async def test_a_file_deleted_before_its_hash_is_never_completed(api: RestApi, jobs: Service) -> None:
    with suspended(jobs):
        completed = await uploaded(api, os.urandom(10))
        await api.delete(completed.id)
    file = await purged(api, completed.id)
    assert file["status"] == "PROCESSING"
    assert file["completedAt"] is None
