"""Each error by which MongoDB says that it cannot answer now is a 503, and no other is."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from tests.cluster.cluster import Cluster
from tests.parity.apis import GraphQLApi, RestApi
from waybill import indexes
from waybill.files import part_sha256, repository, transitions
from waybill.files.listing import filters
from waybill.files.listing.filters import Filters
from waybill.files.model import File
from waybill.indexes import DOCUMENTS
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo import connection
from waybill.platform.mongo.errors import OUTAGE_CODES

#: After these the driver waits for a change that the server does not report, so each code needs a new client.
NOT_PRIMARY = {91, 189, 10058, 10107, 11600, 11602, 13435, 13436}

#: A server that is no shard refuses to make these up.
OF_SHARDS = {249, 13388}

INTERRUPTED = 11601

QUOTA = 2**40


def draft() -> File:
    """A file that is not stored yet, of an owner who has no other."""
    now = datetime.now(UTC)
    file_id = repository.new_id()
    return File(
        id=file_id,
        owner=f"owner-{file_id}",
        name="a",
        size=1,
        content_type="a/b",
        object_key=f"files/{file_id}",
        created_at=now,
        upload_expires_at=now,
    )


#: An operation for each command that MongoDB is sent for a request.
OPERATIONS: Mapping[str, Callable[[File], Awaitable[Any]]] = {
    "find": lambda file: repository.find(file.file_id),
    "findAndModify": lambda file: transitions.change(file, {}, etag="e"),
    "insert": lambda file: repository.insert(draft()),
    "update": lambda file: transitions.change_many([file.key], {}, etag="e"),
    "aggregate": lambda file: filters.count_files(file.owner, Filters()),
}


@pytest.fixture
async def file(cluster: Cluster) -> AsyncIterator[File]:
    """A file in a database of its own."""
    async with connection.open_database(cluster.mongo.url, f"errors-{uuid.uuid4()}", DOCUMENTS):
        await indexes.create_indexes()
        file = draft()
        await repository.insert(file)
        yield file


async def test_each_error_of_an_outage_is_one(cluster: Cluster, file: File) -> None:
    for code in OUTAGE_CODES.keys() - NOT_PRIMARY - OF_SHARDS:
        with cluster.mongo.failing(*OPERATIONS, errorCode=code, errorLabels=[]):
            # One that reads and one that writes; of one code all.
            for command in OPERATIONS if code == INTERRUPTED else ("find", "insert"):
                await _is_outage(OPERATIONS[command](file), code)


async def test_each_error_of_a_failover_is_an_outage(cluster: Cluster) -> None:
    for code in NOT_PRIMARY:
        async with connection.open_database(cluster.mongo.url, "errors", DOCUMENTS):
            with cluster.mongo.failing("findAndModify", errorCode=code, errorLabels=[]):
                await _is_outage(transitions.change(draft(), {}, etag="e"), code)


async def test_a_write_that_no_majority_acknowledges_is_an_outage(cluster: Cluster, file: File) -> None:
    await part_sha256.store_part_sha256s(file, {1: "0"})
    # 79 is UnknownReplWriteConcern: no error of a write concern is an acknowledgement, with any code.
    for code in (64, 79, 100):
        problem = {"code": code, "errmsg": "not acknowledged"}
        with cluster.mongo.failing("findAndModify", "insert", "update", writeConcernError=problem):
            for command in ("findAndModify", "insert", "update"):
                await _is_outage(OPERATIONS[command](file), code)
            # Each of these documents is there already, or so MongoDB says.
            await _is_outage(part_sha256.store_part_sha256s(file, {1: "0"}), code)


async def test_another_error_is_a_defect(cluster: Cluster, file: File) -> None:
    with cluster.mongo.failing(*OPERATIONS, errorCode=2, errorLabels=[]):
        for operate in OPERATIONS.values():
            with pytest.raises(OperationFailure):
                await operate(file)


async def test_a_repeat_after_a_commit_that_nobody_knows_of_is_safe(cluster: Cluster, file: File) -> None:
    new = draft()
    new.owner = file.owner
    await repository.insert(new.model_copy(update={"id": repository.new_id()}), QUOTA)
    # The commit is made, and what is answered is an error.
    problem = {"code": 64, "errmsg": "waiting for replication timed out"}
    with cluster.mongo.failing("commitTransaction", writeConcernError=problem):
        await _is_outage(repository.insert(new, QUOTA), 64)
    with pytest.raises(repository.AlreadyThereError):
        await repository.insert(new, QUOTA)


@pytest.mark.parametrize("api_class", [RestApi, GraphQLApi])
async def test_clients_are_told_to_try_again(
    cluster: Cluster, owner: str, api_class: type[RestApi | GraphQLApi]
) -> None:
    async with cluster.service.client(owner) as client:
        api = api_class(client)
        file_id = (await api.request(name="a", size=1)).id
        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "find": lambda: api.get(file_id),
            "aggregate": api.usage,
            "insert": lambda: api.request(name="b", size=1),
            "findAndModify": lambda: api.delete(file_id),
        }
        answers: list[tuple[int, str | None]] = []
        client.event_hooks["response"].append(_noting(answers))
        for command, call in calls.items():
            with cluster.mongo.failing(command, errorCode=INTERRUPTED, errorLabels=[]):
                assert (await call()).code == "service_unavailable", command
    assert {status for status, _ in answers} == {503}
    assert None not in {seconds for _, seconds in answers}


def _noting(answers: list[tuple[int, str | None]]) -> Callable[[Any], Awaitable[None]]:
    async def note(response: Any) -> None:
        answers.append((response.status_code, response.headers.get("Retry-After")))

    return note


async def _is_outage(operation: Awaitable[Any], code: int) -> None:
    try:
        await operation
    except ServiceUnavailable:
        return
    raise AssertionError(f"{code} is no error")
