"""Many files share requests, and fail alone."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from stack.stack import Stack
from tests.relay import Relay, relay
from tests.service import Service, running_service
from waybill.client import AsyncClient, File, InvalidInput, Status, UploadOutcome, WrongState
from waybill.client.batching import COMPLETE, REQUEST_UPLOAD

REQUESTED, COMPLETED = (f"POST /api/v1{each.batch_path} HTTP/1.1" for each in (REQUEST_UPLOAD, COMPLETE))


@pytest.fixture(scope="module")
def own(stack: Stack) -> Iterator[Service]:
    """A service whose API may be killed."""
    with running_service(stack) as running:
        yield running


@pytest.fixture
def line(own: Service) -> Iterator[Relay]:
    """What the client reaches the API through."""
    with relay(own.address) as running:
        yield running


@pytest.fixture
async def client(own: Service, line: Relay, owner: str) -> AsyncIterator[AsyncClient]:
    """A client whose requests are seen."""
    async with AsyncClient(line.address, own.token(owner), retry_seconds=60) as client:
        yield client


def written(folder: Path, count: int) -> list[Path]:
    """Write small files, each with content of its own."""
    paths = [folder / f"{number}.bin" for number in range(count)]
    for path in paths:
        path.write_bytes(os.urandom(100))
    return paths


async def uploaded(client: AsyncClient, paths: list[Path]) -> dict[Path, UploadOutcome]:
    """Upload the files, and return what became of each."""
    return {outcome.path: outcome async for outcome in client.upload_many(paths)}


async def listed(client: AsyncClient) -> list[File]:
    """All files of the owner."""
    return [file async for file in client.files()]


def statuses(outcomes: dict[Path, UploadOutcome]) -> Counter[Status | None]:
    return Counter(outcome.file.status if outcome.file else None for outcome in outcomes.values())


async def test_an_error_of_the_token_reaches_each_caller(own: Service) -> None:
    async with AsyncClient(own.address, lambda: "two words") as client:
        errors = await asyncio.gather(
            *(client.request_upload("a", 1) for _ in range(3)), return_exceptions=True
        )
    assert {type(error) for error in errors} == {ValueError}


async def test_a_file_alone_goes_alone(client: AsyncClient, line: Relay, tmp_path: Path) -> None:
    [path] = written(tmp_path, 1)
    file = await client.upload(path)
    assert sorted(line.requests) == [
        "GET /api/v1/files/events HTTP/1.1",
        f"POST /api/v1/files/{file.id}/complete HTTP/1.1",
        "POST /api/v1/files/upload-request HTTP/1.1",
    ]


async def test_many_files_take_few_requests_and_known_ones_fewer(
    client: AsyncClient, line: Relay, tmp_path: Path
) -> None:
    paths = written(tmp_path, 300)
    outcomes = await uploaded(client, paths)
    assert statuses(outcomes) == {Status.COMPLETED: 300}
    assert {path.name for path in paths} == {file.name for file in await listed(client)}
    assert len(line.requests) < 100
    line.requests.clear()
    again = await uploaded(client, paths)
    assert {path: each.file and each.file.id for path, each in again.items()} == {
        path: each.file and each.file.id for path, each in outcomes.items()
    }
    assert len(line.requests) < 10


async def test_a_refused_file_fails_alone(client: AsyncClient, tmp_path: Path) -> None:
    paths = written(tmp_path, 20)
    wrong = tmp_path / "wrong\x07name.bin"
    wrong.write_bytes(b"wrong")
    missing = tmp_path / "missing.bin"
    outcomes = await uploaded(client, [*paths[:10], wrong, missing, *paths[10:]])
    assert statuses(outcomes) == {Status.COMPLETED: 20, None: 2}
    assert isinstance(outcomes[wrong].error, InvalidInput)
    assert isinstance(outcomes[missing].error, FileNotFoundError)


async def test_a_file_that_cannot_be_completed_fails_alone(client: AsyncClient, tmp_path: Path) -> None:
    paths = written(tmp_path, 20)
    grants = await asyncio.gather(*(client.request_upload(path.name, 100) for path in paths))
    await client.delete(grants[7].file.id)
    outcomes = await asyncio.gather(*map(client.send, paths, grants), return_exceptions=True)
    assert isinstance(outcomes.pop(7), WrongState)
    assert {type(outcome) for outcome in outcomes} == {File}


@pytest.mark.parametrize("lost", [REQUESTED, COMPLETED])
async def test_a_lost_answer_makes_nothing_twice(
    client: AsyncClient, line: Relay, tmp_path: Path, lost: str
) -> None:
    line.lose.add(lost)
    outcomes = await uploaded(client, written(tmp_path, 50))
    assert line.lose == set()
    assert statuses(outcomes) == {Status.COMPLETED: 50}
    assert len(await listed(client)) == 50


@pytest.mark.parametrize("during", [REQUESTED, COMPLETED])
async def test_a_server_that_is_killed_in_a_batch_is_waited_for(
    client: AsyncClient, line: Relay, own: Service, tmp_path: Path, during: str
) -> None:
    await client.usage()  # a server that has never answered is not waited for
    with line.holding(during) as hold:
        uploading = asyncio.create_task(uploaded(client, written(tmp_path, 50)))
        assert await asyncio.to_thread(hold.has_one.wait, 60)
        own.api.kill()
    await asyncio.to_thread(own.api.restart)
    assert statuses(await uploading) == {Status.COMPLETED: 50}
    assert len(await listed(client)) == 50


async def test_a_rate_limit_below_a_batch_makes_batches_smaller(
    wired_client: AsyncClient, tmp_path: Path
) -> None:
    assert statuses(await uploaded(wired_client, written(tmp_path, 90))) == {Status.COMPLETED: 90}
