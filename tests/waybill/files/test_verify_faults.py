"""A store that answers wrongly, or refuses one object: no single answer makes a file FAILED."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.actors.conftest import Bucket, open_bucket
from tests.cluster.background_loop import background_loop
from tests.cluster.store_proxy import StoreProxy, running_store_proxy
from tests.service import Service
from tests.waybill.conftest import new_file, reload
from waybill.files import inspection, repository, transitions
from waybill.files.delete import delete_file
from waybill.files.lifecycle import FailureReason, Status
from waybill.files.model import File
from waybill.files.purge import purge_objects
from waybill.files.verify import verify_upload
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import connection
from waybill.platform.principal import Principal
from waybill.platform.s3.storage import open_storage
from waybill.resources import Resources

CONTENT = b"hello"
DAY = 24 * 3600


@pytest.fixture(scope="module")
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
async def proxied(
    stopped_service: Service, resources: Resources, store: StoreProxy
) -> AsyncIterator[Resources]:
    """Resources whose store may fail; the settings are those of production, but for the attempts."""
    changed = {
        "s3_endpoint_url": store.address,
        "verify_retry_delay": 30,
        "verify_attempts": 4,
        "failed_retention": DAY,
    }
    settings = stopped_service.settings.model_copy(update=changed)
    async with open_storage(settings) as storage:
        yield replace(resources, storage=storage, settings=settings)
    store.clear()


async def completed(bucket: Bucket, owner: str, **fields: Any) -> File:
    """A file whose object has arrived, and that waits to be verified."""
    file = new_file(owner, size=len(CONTENT), status=Status.PROCESSING, due_at=datetime.now(UTC), **fields)
    answer = await bucket.client.put_object(Bucket=bucket.name, Key=file.object_key, Body=CONTENT)
    file.etag = answer["ETag"]
    await repository.insert(file)
    return file


async def look(resources: Resources, file: File) -> File:
    """The time of the next look comes, and so does a worker; the file afterwards."""
    if (await reload(file)).look_at is not None:
        await transitions.change(file, {}, look_at=datetime.now(UTC) - timedelta(seconds=1))
    await verify_upload(resources, file.file_id)
    return await reload(file)


async def delay_of(file: File) -> float:
    """Seconds until the next look."""
    assert file.look_at == file.due_at
    assert file.look_at is not None
    return (file.look_at - await connection.database_time()).total_seconds()


WRONG: dict[str, dict[str, Any]] = {
    "missing": {"status": 404},
    "replaced": {"status": 412},
    "other bytes": {"replaces": (b"hello", b"jello")},
    "another size": {"status": 200, "body": b"hello, world"},
}

REASONS = {
    "missing": FailureReason.OBJECT_MISSING,
    "replaced": FailureReason.OBJECT_CHANGED,
    "other bytes": FailureReason.CHECKSUM_MISMATCH,
    "another size": FailureReason.SIZE_MISMATCH,
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_one_wrong_answer_is_no_verdict(
    proxied: Resources, store: StoreProxy, bucket: Bucket, owner: str, wrong: str
) -> None:
    file = await completed(bucket, owner, declared_sha256=hashlib.sha256(CONTENT).hexdigest())
    with store.injecting("GET", path=file.file_id, **WRONG[wrong]):
        doubted = await look(proxied, file)
    assert (doubted.status, doubted.looks, doubted.attempt) == (Status.PROCESSING, 1, None)
    assert 20 < await delay_of(doubted) <= 30
    file = await look(proxied, file)
    assert (file.status, file.doubt, file.looks, file.look_at) == (Status.COMPLETED, None, None, None)


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_three_looks_find_is_a_verdict_and_the_bytes_stay(
    proxied: Resources, store: StoreProxy, bucket: Bucket, owner: str, wrong: str
) -> None:
    file = await completed(bucket, owner, declared_sha256=hashlib.sha256(CONTENT).hexdigest())
    with store.injecting("GET", path=file.file_id, **WRONG[wrong]):
        assert (await look(proxied, file)).status is Status.PROCESSING
        second = await look(proxied, file)
        assert 50 < await delay_of(second) <= 60
        assert second.status is Status.PROCESSING
        failed = await look(proxied, file)
    assert (failed.status, failed.failure_reason) == (Status.FAILED, REASONS[wrong])
    assert failed.purge_at is not None
    assert failed.purge_at == failed.due_at
    kept_for = failed.purge_at - await connection.database_time()
    assert timedelta(seconds=DAY - 60) < kept_for <= timedelta(seconds=DAY)
    await purge_objects(proxied, [file.file_id])
    assert file.object_key in await bucket.keys()
    # The owner decides, and nothing waits.
    await delete_file(proxied, Principal(owner), file.file_id)
    await purge_objects(proxied, [file.file_id])
    assert file.object_key not in await bucket.keys()


async def test_looks_that_find_different_problems_do_not_add_up(
    proxied: Resources, store: StoreProxy, bucket: Bucket, owner: str
) -> None:
    file = await completed(bucket, owner)
    for status in (404, 412, 404, 412):
        with store.injecting("GET", path=file.file_id, status=status):
            found = await look(proxied, file)
        assert (found.status, found.looks) == (Status.PROCESSING, 1)


async def test_a_message_that_comes_early_reads_nothing(
    proxied: Resources, store: StoreProxy, bucket: Bucket, owner: str
) -> None:
    file = await completed(bucket, owner)
    with store.injecting("GET", path=file.file_id, status=404):
        await look(proxied, file)
    asked = len(store.asked("GET", file.file_id))
    await verify_upload(proxied, file.file_id)
    assert len(store.asked("GET", file.file_id)) == asked
    assert (await reload(file)).status is Status.PROCESSING


async def test_an_object_that_is_always_refused_fails_after_growing_delays(
    proxied: Resources, store: StoreProxy, bucket: Bucket, owner: str
) -> None:
    file = await completed(bucket, owner)
    delays = []
    with store.injecting("GET", path=file.file_id, status=403):
        for _ in range(3):
            refused = await look(proxied, file)
            assert refused.status is Status.PROCESSING
            delays.append(await delay_of(refused))
        failed = await look(proxied, file)
    assert [round(delay, -1) for delay in delays] == [30, 60, 120]
    assert (failed.status, failed.failure_reason) == (Status.FAILED, FailureReason.UNREADABLE)
    assert file.object_key in await bucket.keys()


async def test_a_defect_counts_as_a_look_and_shows(
    proxied: Resources, bucket: Bucket, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await completed(bucket, owner)

    async def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(inspection, "_inspect", fail)
    for looks in (1, 2):
        with pytest.raises(ZeroDivisionError):
            await look(proxied, file)
        assert (await reload(file)).looks == looks


async def test_an_outage_of_the_whole_store_counts_for_no_file(
    proxied: Resources, store: StoreProxy, bucket: Bucket, owner: str
) -> None:
    file = await completed(bucket, owner)
    for _ in range(5):
        with store.injecting(status=403), pytest.raises(ServiceUnavailable):
            await look(proxied, file)
    waiting = await reload(file)
    assert (waiting.status, waiting.looks, waiting.attempt) == (Status.PROCESSING, None, None)
    assert (await look(proxied, file)).status is Status.COMPLETED


async def test_an_object_that_complete_did_not_wait_for_is_looked_for(
    proxied: Resources, bucket: Bucket, owner: str
) -> None:
    file = await completed(bucket, owner)
    etag = file.etag
    await transitions.change(file, {}, etag=None)
    await bucket.delete(file.object_key)
    assert (await look(proxied, file)).doubt == FailureReason.OBJECT_MISSING
    # The bytes come late.
    await bucket.put(file.object_key, CONTENT)
    found = await look(proxied, file)
    assert (found.status, found.etag) == (Status.COMPLETED, etag)


async def test_a_stream_is_closed_when_its_hash_ends_early() -> None:
    closed = False
    lost = asyncio.Event()
    lost.set()

    async def pieces() -> AsyncGenerator[bytes, None]:
        nonlocal closed
        try:
            yield b"a"
            yield b"b"
        finally:
            closed = True

    with pytest.raises(inspection.LeaseLostError):
        await inspection.fingerprint(pieces(), lost)
    assert closed
