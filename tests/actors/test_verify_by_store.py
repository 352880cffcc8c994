"""WAYBILL_VERIFY=store: a SHA-256 that the store has verified need not be computed again."""

import hashlib
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from stack.stack import Stack
from tests.actors.conftest import Bucket, key_of, open_bucket, suspended, verdicts
from tests.parity.apis import RestApi
from tests.relay import Relay, relay
from tests.service import Service, running_service
from tests.uploads import put, settled, stored, uploaded


@pytest.fixture(scope="module")
def wire(stack: Stack) -> Iterator[Relay]:
    """What the worker and the API ask the store; clients are on a wire of their own."""
    with relay(stack.addresses.s3_endpoint_url) as running:
        yield running


@pytest.fixture(scope="module")
def trusting(stack: Stack, wire: Relay) -> Iterator[Service]:
    """A Waybill that believes its store."""
    public = stack.addresses.s3_endpoint_url
    with running_service(
        stack, verify="store", s3_endpoint_url=wire.address, s3_public_endpoint_url=public
    ) as running:
        yield running


@pytest.fixture
async def api(trusting: Service, owner: str) -> AsyncIterator[RestApi]:
    async with trusting.client(owner) as client:
        yield RestApi(client)


@pytest.fixture
async def bucket(trusting: Service) -> AsyncIterator[Bucket]:
    async for opened in open_bucket(trusting):
        yield opened


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def verified_by(service: Service, file_id: str) -> str:
    """Who verified a file, by the worker's log."""
    [verdict] = await verdicts(service, file_id)
    return str(verdict["by"])


async def test_declared_content_is_believed_and_not_read(
    api: RestApi, trusting: Service, wire: Relay
) -> None:
    content = os.urandom(1_000_000)
    file = await stored(api, content, sha256=sha256(content))
    assert (file["status"], file["sha256"]) == ("COMPLETED", sha256(content))
    assert wire.methods(file["id"]) == {"HEAD"}
    assert await verified_by(trusting, file["id"]) == "store"


async def test_undeclared_content_is_read(api: RestApi, trusting: Service, wire: Relay) -> None:
    content = os.urandom(1000)
    file = await stored(api, content)
    assert (file["status"], file["sha256"]) == ("COMPLETED", sha256(content))
    assert wire.methods(file["id"]) == {"HEAD", "GET"}
    assert await verified_by(trusting, file["id"]) == "worker"


async def test_without_the_setting_declared_content_is_read(service: Service, owner: str) -> None:
    content = os.urandom(1000)
    async with service.client(owner) as client:
        file = await stored(RestApi(client), content, sha256=sha256(content))
    assert await verified_by(service, file["id"]) == "worker"


async def test_what_the_store_does_not_vouch_for_is_read(api: RestApi, wire: Relay) -> None:
    content = os.urandom(1000)
    wire.mute = True
    try:
        file = await stored(api, content, sha256=sha256(content))
    finally:
        wire.mute = False
    assert (file["status"], file["sha256"]) == ("COMPLETED", sha256(content))
    assert "GET" in wire.methods(file["id"])


async def test_duplicates_are_found_all_the_same(api: RestApi, trusting: Service) -> None:
    content = os.urandom(1000)
    twins = [await api.request(name="a", size=len(content), sha256=sha256(content)) for _ in range(2)]
    for twin in twins:
        assert (await put(twin.data["upload"], content)).status_code == 200
        await api.complete(twin.id)
    first, second = [await settled(api, twin.id) for twin in twins]
    assert {first["status"], second["status"]} == {"COMPLETED", "DUPLICATE"}
    assert {first["duplicateOf"], second["duplicateOf"]} & {first["id"], second["id"]}
    assert {await verified_by(trusting, twin.id) for twin in twins} == {"store"}
    undeclared = await stored(api, content)
    assert undeclared["status"] == "DUPLICATE"


async def test_headers_that_were_not_signed_are_found(api: RestApi) -> None:
    content = os.urandom(1000)
    requested = await api.request(name="a", size=len(content), sha256=sha256(content))
    upload = requested.data["upload"]
    headers = {**upload["headers"], "Content-Encoding": "gzip"}
    assert (await put(upload | {"headers": headers}, content)).status_code == 200
    await api.complete(requested.id)
    assert (await settled(api, requested.id))["failureReason"] == "UNSIGNED_HEADERS"


@pytest.mark.parametrize("vouched", [False, True])
async def test_an_object_replaced_after_complete_fails(
    api: RestApi, trusting: Service, bucket: Bucket, vouched: bool
) -> None:
    content, other = b"hello", b"jello"
    requested = await api.request(name="a", size=5, sha256=sha256(content))
    key = key_of(requested.data["upload"])
    await put(requested.data["upload"], content)
    with suspended(trusting):
        await api.complete(requested.id)
        more = {"ChecksumAlgorithm": "SHA256"} if vouched else {}
        await bucket.client.put_object(Bucket=bucket.name, Key=key, Body=other, **more)
    file = await settled(api, requested.id)
    assert (file["status"], file["failureReason"]) == ("FAILED", "OBJECT_CHANGED")


@pytest.mark.parametrize("vouched", [False, True])
async def test_other_content_than_declared_fails(api: RestApi, bucket: Bucket, vouched: bool) -> None:
    requested = await api.request(name="a", size=5, sha256=sha256(b"hello"))
    key = key_of(requested.data["upload"])
    more = {"ChecksumAlgorithm": "SHA256"} if vouched else {}
    await bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"jello", **more)
    await api.complete(requested.id)
    assert (await settled(api, requested.id))["failureReason"] == "CHECKSUM_MISMATCH"


async def test_another_size_than_declared_fails(api: RestApi, bucket: Bucket) -> None:
    requested = await api.request(name="a", size=4, sha256=sha256(b"hello"))
    await bucket.client.put_object(
        Bucket=bucket.name, Key=key_of(requested.data["upload"]), Body=b"hello", ChecksumAlgorithm="SHA256"
    )
    await api.complete(requested.id)
    assert (await settled(api, requested.id))["failureReason"] == "SIZE_MISMATCH"


async def test_an_object_that_is_gone_fails(api: RestApi, trusting: Service, bucket: Bucket) -> None:
    with suspended(trusting):
        content = os.urandom(10)
        completed = await uploaded(api, content, sha256=sha256(content))
        [key] = [key for key in await bucket.keys() if completed.id in key]
        await bucket.delete(key)
    assert (await settled(api, completed.id))["failureReason"] == "OBJECT_MISSING"


async def test_what_was_sent_in_parts_is_read(api: RestApi, trusting: Service, wire: Relay) -> None:
    content = os.urandom(1000)
    requested = await api.request(name="a", size=len(content), multipart=True, sha256=sha256(content))
    [part] = (await api.request_parts(requested.id, [1], sha256={"1": sha256(content)})).data["parts"]
    assert (await put(part, content)).status_code == 200
    await api.complete(requested.id)
    assert (await settled(api, requested.id))["status"] == "COMPLETED"
    assert "GET" in wire.methods(requested.id)
    assert await verified_by(trusting, requested.id) == "worker"
