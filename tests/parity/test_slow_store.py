"""A store that is slow, or refuses: what `complete` answers, and what becomes of the file."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from stack.stack import Stack
from tests.cluster.background_loop import background_loop
from tests.cluster.store_proxy import StoreProxy, running_store_proxy
from tests.faults.records import record
from tests.parity.apis import RestApi
from tests.service import Service, running_service
from tests.uploads import put, settled


@pytest.fixture(scope="module")
def store(stack: Stack) -> Iterator[StoreProxy]:
    with background_loop() as loop, running_store_proxy(loop, stack.addresses.s3_endpoint_url) as running:
        yield running


@pytest.fixture(scope="module")
def proxied(stack: Stack, store: StoreProxy) -> Iterator[Service]:
    """A Waybill that reaches the store through a proxy, and waits two seconds for each answer."""
    with running_service(
        stack,
        s3_endpoint_url=store.address,
        s3_public_endpoint_url=stack.addresses.s3_endpoint_url,
        # Longer than the pause of up to a second before the S3 client repeats a refused request.
        s3_timeout="2",
    ) as running:
        yield running


@pytest.fixture
async def api(proxied: Service, owner: str, store: StoreProxy) -> AsyncIterator[RestApi]:
    async with proxied.client(owner) as client:
        yield RestApi(client)
    store.clear()


async def sent(api: RestApi, content: bytes) -> str:
    requested = await api.request(name="a", size=len(content))
    assert (await put(requested.data["upload"], content)).status_code == 200
    return requested.id


async def sent_in_parts(api: RestApi, content: bytes) -> str:
    requested = await api.request(name="a", size=len(content), multipart=True)
    [part] = (await api.request_parts(requested.id, [1])).data["parts"]
    assert (await put(part, content)).status_code == 200
    return requested.id


async def test_a_slow_look_goes_on_after_the_answer(api: RestApi, store: StoreProxy) -> None:
    file_id = await sent(api, os.urandom(100))
    with store.injecting("HEAD", path=file_id, delay_ms=1500):
        completed = await api.complete(file_id)
        assert (completed.code, completed.data["status"]) == (None, "PROCESSING")
        assert (await settled(api, file_id))["status"] == "COMPLETED"


async def test_a_slow_assembly_goes_on_after_the_answer(api: RestApi, store: StoreProxy) -> None:
    file_id = await sent_in_parts(api, os.urandom(100))
    with store.injecting("POST", path=file_id, delay_ms=1500):
        completed = await api.complete(file_id)
        assert (completed.code, completed.data["status"]) == (None, "PROCESSING")
        assert (await settled(api, file_id))["status"] == "COMPLETED"


async def test_parts_that_cannot_be_listed_in_time_are_put_together_later(
    api: RestApi, store: StoreProxy
) -> None:
    file_id = await sent_in_parts(api, os.urandom(100))
    with store.injecting("GET", path=file_id, is_silent=True):
        assert (await api.complete(file_id)).data["status"] == "PROCESSING"
    assert (await settled(api, file_id))["status"] == "COMPLETED"


async def test_what_never_arrived_fails_if_the_store_was_slow(api: RestApi, store: StoreProxy) -> None:
    requested = await api.request(name="a", size=5)
    with store.injecting("HEAD", path=requested.id, is_silent=True):
        assert (await api.complete(requested.id)).data["status"] == "PROCESSING"
    file = await settled(api, requested.id)
    assert (file["status"], file["failureReason"]) == ("FAILED", "OBJECT_MISSING")


@pytest.mark.parametrize(
    ("status", "code"), [(429, "TooManyRequests"), (403, "AccessDenied"), (503, "SlowDown")]
)
async def test_a_store_that_refuses_says_try_again_and_the_upload_does_not_expire(
    api: RestApi, proxied: Service, store: StoreProxy, status: int, code: str
) -> None:
    file_id = await sent(api, os.urandom(100))
    before = (await record(proxied, file_id))["expire_at"]
    with store.injecting("HEAD", path=file_id, status=status, code=code):
        assert (await api.complete(file_id)).code == "service_unavailable"
    assert (await record(proxied, file_id))["expire_at"] >= before
    assert (await api.complete(file_id)).code is None
    assert (await settled(api, file_id))["status"] == "COMPLETED"


async def test_one_wrong_word_of_the_store_loses_no_parts(api: RestApi, store: StoreProxy) -> None:
    content = os.urandom(100)
    file_id = await sent_in_parts(api, content)
    with store.injecting(path=file_id, status=404, code="NoSuchUpload"):
        assert (await api.complete(file_id)).code == "service_unavailable"
    assert len((await api.parts(file_id)).data["parts"]) == 1
    assert (await api.complete(file_id)).code is None
    assert (await settled(api, file_id))["status"] == "COMPLETED"


async def test_a_store_that_lists_no_parts_is_named(api: RestApi, store: StoreProxy) -> None:
    file_id = await sent_in_parts(api, os.urandom(100))
    with store.injecting("GET", path="uploadId", status=501, code="NotImplemented"):
        assert (await api.parts(file_id)).code == "store_unsupported"
        assert (await api.complete(file_id)).code == "store_unsupported"
    assert (await api.complete(file_id)).code is None
