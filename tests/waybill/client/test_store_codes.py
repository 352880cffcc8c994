"""What a client makes of a store's refusal, whichever store it is."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from stack.stack import Stack
from tests.cluster.background_loop import background_loop
from tests.cluster.store_proxy import StoreProxy, running_store_proxy
from tests.service import Service, running_service
from waybill.client import AsyncClient, ContentChanged, StoreRefused

CHECKSUM_MESSAGE = b"Value for x-amz-checksum-sha256 header is invalid."


@pytest.fixture(scope="module")
def store(stack: Stack) -> Iterator[StoreProxy]:
    with background_loop() as loop, running_store_proxy(loop, stack.addresses.s3_endpoint_url) as running:
        yield running


@pytest.fixture(scope="module")
def proxied(stack: Stack, store: StoreProxy) -> Iterator[Service]:
    """A Waybill whose presigned URLs lead through the proxy."""
    with running_service(stack, s3_public_endpoint_url=store.address) as running:
        yield running


@pytest.fixture
async def client(proxied: Service, owner: str, store: StoreProxy) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(proxied.address, proxied.token(owner), retry_seconds=0) as client:
        yield client
    store.clear()


def source(folder: Path, content: bytes) -> Path:
    path = folder / "source.bin"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("BadDigest", b""),
        ("XAmzContentChecksumMismatch", b""),
        ("XAmzContentSHA256Mismatch", b""),
        ("InvalidRequest", CHECKSUM_MESSAGE),
    ],
)
async def test_content_that_the_store_finds_wrong_is_named_at_once(
    client: AsyncClient, store: StoreProxy, tmp_path: Path, code: str, message: bytes
) -> None:
    grant = await client.request_upload("a", 5, sha256=hashlib.sha256(b"hello").hexdigest())
    body = b"<Error><Code>%s</Code><Message>%s</Message></Error>" % (code.encode(), message)
    before = store.injected["PUT"]
    store.inject("PUT", status=400, body=body)
    with pytest.raises(ContentChanged, match="has other content than its SHA-256 says"):
        await client.send(source(tmp_path, b"world"), grant)
    assert store.injected["PUT"] == before + 1


async def test_another_invalid_request_is_the_stores_refusal(
    client: AsyncClient, store: StoreProxy, tmp_path: Path
) -> None:
    grant = await client.request_upload("a", 5)
    store.inject("PUT", status=400, code="InvalidRequest")
    with pytest.raises(StoreRefused) as refused:
        await client.send(source(tmp_path, b"hello"), grant)
    assert refused.value.s3_code == "InvalidRequest"
