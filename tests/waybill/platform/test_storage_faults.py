"""What the store refuses is an outage of the store, with any status, code and request."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from tests.actors.conftest import Bucket, open_bucket
from tests.cluster.background_loop import background_loop
from tests.cluster.store_proxy import StoreProxy, running_store_proxy
from tests.service import Service
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.s3.deletion import RemovalRefusedError
from waybill.platform.s3.multiparts import Part
from waybill.platform.s3.storage import Storage, open_storage

KEY = "faults/object"
CONTENT = bytes(range(256)) * 20_000  # 5 MB: several pieces


@pytest.fixture
def store(stopped_service: Service) -> Iterator[StoreProxy]:
    with (
        background_loop() as loop,
        running_store_proxy(loop, stopped_service.settings.s3_endpoint_url) as running,
    ):
        yield running


@pytest.fixture
async def bucket(stopped_service: Service) -> AsyncIterator[Bucket]:
    async for opened in open_bucket(stopped_service):
        yield opened


@pytest.fixture
async def storage(stopped_service: Service, store: StoreProxy) -> AsyncIterator[Storage]:
    settings = stopped_service.settings.model_copy(update={"s3_endpoint_url": store.address})
    async with open_storage(settings) as opened:
        yield opened


async def read(storage: Storage, etag: str) -> bytes:
    return b"".join([piece async for piece in storage.stream(KEY, etag)])


async def listed(storage: Storage) -> list[Any]:
    return [page async for page in storage.pages("faults/")]


async def deleted(storage: Storage) -> None:
    for error in (await storage.delete_many([KEY])).values():
        raise error


CALLS: dict[str, Callable[[Storage], Awaitable[Any]]] = {
    "head": lambda storage: storage.head(KEY),
    "get": lambda storage: read(storage, '"etag"'),
    "list": listed,
    "delete": lambda storage: storage.delete(KEY),
    "delete many": deleted,
    "ping": lambda storage: storage.ping(),
    "begin": lambda storage: storage.multiparts.begin(KEY, "a/b", with_sha256=False),
    "parts": lambda storage: storage.multiparts.parts(KEY, "upload"),
    "assemble": lambda storage: storage.multiparts.assemble(KEY, "upload", [Part(1, 5, '"etag"')]),
    "abort": lambda storage: storage.multiparts.abort(KEY, "upload"),
    "abort all": lambda storage: storage.multiparts.abort_all(KEY),
}

# Amazon S3 API Reference, "Error responses"; MinIO, cmd/api-errors.go; SeaweedFS, weed/s3api/s3err.
REFUSALS = {
    "SlowDown": 503,
    "SlowDownRead": 503,
    "SlowDownWrite": 503,
    "TooManyRequests": 429,
    "RequestTimeout": 400,
    "RequestTimeTooSkewed": 403,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "XMinioServerNotInitialized": 503,
    "XMinioStorageFull": 507,
    "OperationAborted": 409,
    "ConditionalRequestConflict": 409,
    "InvalidAccessKeyId": 403,
    "SignatureDoesNotMatch": 403,
    "AccessDenied": 403,
    "AllAccessDisabled": 403,
    "ExpiredToken": 400,
    "InvalidToken": 400,
    "AuthorizationHeaderMalformed": 400,
    "NoSuchBucket": 404,
    "PermanentRedirect": 301,
    "TemporaryRedirect": 307,
    "BadGateway": 502,
    "GatewayTimeout": 504,
}


@pytest.mark.parametrize("code", REFUSALS)
async def test_each_refusal_is_an_outage_of_the_store(storage: Storage, store: StoreProxy, code: str) -> None:
    with store.injecting(status=REFUSALS[code], code=code):
        seen = await asyncio.gather(*(outcome(CALLS[name](storage)) for name in ("head", "get", "parts")))
    assert set(seen) == {"ServiceUnavailable"}


@pytest.mark.parametrize(("status", "code"), [(429, "TooManyRequests"), (403, "AccessDenied"), (400, "")])
async def test_every_request_meets_an_outage(
    storage: Storage, store: StoreProxy, status: int, code: str
) -> None:
    body = None if code else b"<html>"
    with store.injecting(status=status, code=code, body=body):
        seen = await asyncio.gather(*(outcome(call(storage)) for call in CALLS.values()))
    assert dict(zip(CALLS, seen, strict=True)) == dict.fromkeys(CALLS, "ServiceUnavailable")


@pytest.mark.parametrize("status", [301, 401, 404, 407, 408, 413, 502, 504, 520])
async def test_an_answer_that_is_none_of_s3s_is_an_outage(
    storage: Storage, store: StoreProxy, status: int
) -> None:
    with store.injecting(status=status, body=b"<html>"):
        for call in ("parts", "begin"):
            assert await outcome(CALLS[call](storage)) == "ServiceUnavailable", call


async def outcome(asked: Awaitable[Any]) -> str:
    try:
        return repr(await asked)
    except ServiceUnavailable:
        return "ServiceUnavailable"
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("body", [b"", b"<html>", b"<ListPartsResult><Part>", b"<a>well-formed</a>"])
async def test_a_good_status_with_a_body_that_is_no_answer_is_an_outage(
    storage: Storage, store: StoreProxy, body: bytes
) -> None:
    with store.injecting(status=200, body=body):
        for call in ("begin", "parts"):
            assert await outcome(CALLS[call](storage)) == "ServiceUnavailable", call


async def test_an_error_inside_a_good_answer_to_an_assembly_is_an_outage(
    storage: Storage, store: StoreProxy
) -> None:
    # Amazon S3 API Reference, CompleteMultipartUpload: "the error response might be embedded in the 200".
    with store.injecting(status=200, code="InternalError"):
        assert await outcome(CALLS["assemble"](storage)) == "ServiceUnavailable"


async def test_a_store_that_cannot_be_found_or_trusted_is_away(
    stopped_service: Service, store: StoreProxy
) -> None:
    for address in ("http://no-such-host.invalid", store.address.replace("http:", "https:")):
        settings = stopped_service.settings.model_copy(update={"s3_endpoint_url": address})
        async with open_storage(settings) as storage:
            for name, call in CALLS.items():
                assert await outcome(call(storage)) == "ServiceUnavailable", name


@pytest.mark.parametrize(
    ("code", "error"),
    [
        *((code, ServiceUnavailable) for code in ("SlowDownWrite", "OperationAborted", "TooManyRequests")),
        ("AccessDenied", RemovalRefusedError),
        ("InvalidObjectState", RemovalRefusedError),
    ],
)
async def test_of_many_deletes_each_refusal_is_classed(
    storage: Storage, store: StoreProxy, code: str, error: type[Exception]
) -> None:
    body = f"<DeleteResult><Error><Key>{KEY}</Key><Code>{code}</Code></Error></DeleteResult>".encode()
    with store.injecting(status=200, body=body):
        assert {key: type(refusal) for key, refusal in (await storage.delete_many([KEY])).items()} == {
            KEY: error
        }


async def test_what_can_never_succeed_is_no_outage(storage: Storage, store: StoreProxy) -> None:
    for code, status in (("InvalidArgument", 400), ("MalformedXML", 400)):
        with store.injecting(status=status, code=code):
            assert await outcome(CALLS["parts"](storage)) == "ClientError"


@pytest.mark.parametrize("call", ["begin", "parts"])
async def test_an_operation_that_the_store_lacks_is_named(
    storage: Storage, store: StoreProxy, call: str
) -> None:
    for code, status in (("NoSuchKey", 404), ("MethodNotAllowed", 405), ("NotImplemented", 501)):
        with store.injecting(status=status, code=code):
            assert await outcome(CALLS[call](storage)) == "StoreUnsupported"


async def test_a_body_that_is_cut_goes_on_where_it_stood(
    storage: Storage, store: StoreProxy, bucket: Bucket
) -> None:
    await bucket.put(KEY, CONTENT)
    head = await storage.head(KEY)
    assert head is not None
    with store.injecting("GET", cut_after=3_500_000, times=1):
        assert await read(storage, head.etag) == CONTENT
    first, second = store.asked("GET", KEY)
    assert first == ""
    assert second.startswith("bytes=3")


async def test_an_object_that_is_replaced_at_a_cut_is_not_mixed_with_the_new_one(
    storage: Storage, store: StoreProxy, bucket: Bucket
) -> None:
    await bucket.put(KEY, CONTENT)
    head = await storage.head(KEY)
    assert head is not None
    with store.injecting("GET", cut_after=3_500_000, times=1):
        stream = storage.stream(KEY, head.etag)
        await anext(stream)
        await bucket.put(KEY, CONTENT[::-1])
        assert await outcome(_rest(stream)) == "ObjectChangedError"


async def _rest(stream: AsyncIterator[bytes]) -> int:
    return sum([len(piece) async for piece in stream])


async def test_a_store_that_ignores_ranges_is_not_read_twice_over(
    storage: Storage, store: StoreProxy, bucket: Bucket
) -> None:
    await bucket.put(KEY, CONTENT)
    head = await storage.head(KEY)
    assert head is not None
    cut = store.injecting("GET", cut_after=3_500_000, times=1)
    with cut, store.injecting("GET", status=200, body=CONTENT):
        assert await outcome(read(storage, head.etag)) == "ServiceUnavailable"


async def test_a_store_that_stays_away_ends_the_stream(
    storage: Storage, store: StoreProxy, bucket: Bucket
) -> None:
    await bucket.put(KEY, CONTENT)
    head = await storage.head(KEY)
    assert head is not None
    cut = store.injecting("GET", cut_after=3_500_000, times=1)
    with cut, store.injecting("GET", status=503):
        async with asyncio.timeout(30):
            assert await outcome(read(storage, head.etag)) == "ServiceUnavailable"
