"""What time alone does."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from stack.stack import Stack
from tests import waiting
from tests.actors.conftest import Age, Bucket, key_of, open_bucket, suspended
from tests.parity.apis import RestApi
from tests.service import Service, running_service
from tests.uploads import purged, put, settled, stored, until
from waybill.platform.redis.messages import PURGE_OBJECT, QUEUES, RECONCILE_AFTER_SECONDS
from waybill.resources import redis_client


@pytest.fixture(scope="module")
def short_ttl_service(stack: Stack) -> Iterator[Service]:
    """A Waybill whose upload URLs die young and whose purges wait a little."""
    with running_service(
        stack, upload_url_ttl="2", upload_grace="1", multipart_ttl="2", purge_delay="2"
    ) as running:
        yield running


@pytest.fixture
async def short_ttl_api(short_ttl_service: Service, owner: str) -> AsyncIterator[RestApi]:
    async with short_ttl_service.client(owner) as client:
        yield RestApi(client)


@pytest.fixture
async def short_ttl_bucket(short_ttl_service: Service) -> AsyncIterator[Bucket]:
    async for opened in open_bucket(short_ttl_service):
        yield opened


async def gone(bucket: Bucket, key: str) -> None:
    """Wait until the bucket does not hold the key."""

    async def is_gone() -> bool:
        return key not in await bucket.keys()

    await waiting.until(is_gone, f"{key} is gone", 20)


async def test_an_upload_that_nobody_completes_expires(
    short_ttl_api: RestApi, short_ttl_bucket: Bucket
) -> None:
    requested = await short_ttl_api.request("key", name="a", size=5)
    await put(requested.data["upload"], b"hello")
    file = await settled(short_ttl_api, requested.id)
    assert file["status"] == "EXPIRED"
    await purged(short_ttl_api, requested.id)
    await gone(short_ttl_bucket, key_of(requested.data["upload"]))
    assert (await short_ttl_api.complete(requested.id)).code == "wrong_state"
    assert (await short_ttl_api.request("key", name="a", size=5)).code == "wrong_state"


async def test_parts_that_nobody_completes_are_aborted(
    short_ttl_api: RestApi, short_ttl_bucket: Bucket
) -> None:
    requested = await short_ttl_api.request(name="a", size=5, multipart=True)
    [part] = (await short_ttl_api.request_parts(requested.id, [1])).data["parts"]
    assert (await put(part, b"hello")).status_code == 200
    uploads = await short_ttl_bucket.client.list_multipart_uploads(
        Bucket=short_ttl_bucket.name, Prefix=key_of(part)
    )
    assert len(uploads["Uploads"]) == 1
    assert (await settled(short_ttl_api, requested.id))["status"] == "EXPIRED"
    await purged(short_ttl_api, requested.id)
    uploads = await short_ttl_bucket.client.list_multipart_uploads(
        Bucket=short_ttl_bucket.name, Prefix=key_of(part)
    )
    assert "Uploads" not in uploads


async def test_a_refreshed_upload_outlives_its_first_expiry(short_ttl_api: RestApi) -> None:
    requested = await short_ttl_api.request(name="a", size=5)
    abandoned = await short_ttl_api.request(name="b", size=5)
    while (await short_ttl_api.get(abandoned.id)).data["status"] == "PENDING":
        refreshed = await short_ttl_api.refresh(requested.id)
        assert refreshed.code is None
        await asyncio.sleep(0.2)
    assert (await put(refreshed.data["upload"], b"hello")).status_code == 200
    assert (await short_ttl_api.complete(requested.id)).code is None
    assert (await short_ttl_api.refresh(abandoned.id)).code == "wrong_state"


async def test_a_completed_upload_does_not_expire(short_ttl_api: RestApi) -> None:
    remaining = await stored(short_ttl_api, os.urandom(10))
    abandoned = await short_ttl_api.request(name="b", size=1)
    assert (await settled(short_ttl_api, abandoned.id))["status"] == "EXPIRED"
    assert (await short_ttl_api.get(remaining["id"])).data == remaining


async def test_a_purge_waits_for_its_delay(short_ttl_api: RestApi, short_ttl_bucket: Bucket) -> None:
    requested = await short_ttl_api.request(name="a", size=5)
    content = os.urandom(5)
    await put(requested.data["upload"], content)
    await short_ttl_api.complete(requested.id)
    await settled(short_ttl_api, requested.id)
    deleted = (await short_ttl_api.delete(requested.id)).data
    assert key_of(requested.data["upload"]) in await short_ttl_bucket.keys()
    file = await purged(short_ttl_api, requested.id)
    assert file["purgedAt"] > deleted["deletedAt"]
    await gone(short_ttl_bucket, key_of(requested.data["upload"]))


async def test_what_comes_through_a_live_url_after_the_purge_is_swept_away(
    jobs: Service, api: RestApi, bucket: Bucket, age: Age
) -> None:
    requested = await api.request(name="a", size=5)
    key = key_of(requested.data["upload"])
    await api.delete(requested.id)
    first = await purged(api, requested.id)
    assert (await put(requested.data["upload"], b"hello")).status_code == 200
    assert key in await bucket.keys()
    await age(requested.id)
    await gone(bucket, key)
    last = await until(api, requested.id, lambda file: True)
    assert last["purgedAt"] == first["purgedAt"]


async def test_an_upload_that_outlasts_its_grace_leaves_no_object(
    short_ttl_api: RestApi, short_ttl_bucket: Bucket
) -> None:
    requested = await short_ttl_api.request(name="a", size=20)
    upload = requested.data["upload"]
    url = urlsplit(upload["url"])
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in upload["headers"].items())
    headers += f"Host: {url.netloc}\r\nContent-Length: {upload['contentLength']}\r\nConnection: close\r\n"
    head = f"PUT {url.path}?{url.query} HTTP/1.1\r\n{headers}\r\n"
    writer.write(head.encode() + b"x" * 10)
    await writer.drain()
    await purged(short_ttl_api, requested.id)
    writer.write(b"x" * 10)
    # MinIO gives up a body that pauses.
    assert re.search(rb" (200|503) ", await reader.readline())
    writer.close()
    await gone(short_ttl_bucket, key_of(upload))


async def test_a_purge_that_is_owed_is_not_put_off_by_a_delete(
    short_ttl_service: Service, short_ttl_api: RestApi
) -> None:
    requested = await short_ttl_api.request(name="a", size=5)
    assert (await settled(short_ttl_api, requested.id))["status"] == "EXPIRED"
    await purged(short_ttl_api, requested.id)
    deleted = (await short_ttl_api.delete(requested.id)).data
    assert deleted["purgedAt"] is not None


@pytest.mark.parametrize("together", [1, 3])
async def test_a_message_names_one_file_as_it_used_to_or_many(
    jobs: Service, api: RestApi, bucket: Bucket, together: int
) -> None:
    files = [await stored(api, os.urandom(10)) for _ in range(together)]
    ids = [file["id"] for file in files]
    with suspended(jobs), redis_client(jobs.settings) as client:
        for file_id in ids:
            await api.delete(file_id)
        client.flushdb()
        RedisBroker(client=client, middleware=[]).enqueue(
            Message(QUEUES[PURGE_OBJECT], PURGE_OBJECT, tuple(ids), {}, {})
        )
    for file_id in ids:
        # Before the reconciler would send another.
        await purged(api, file_id, seconds=RECONCILE_AFTER_SECONDS / 2)
        assert not [key for key in await bucket.keys() if file_id in key]
