"""The documents, their indexes and the compare-and-set change. The only module that knows the driver."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import pymongo
from beanie import Document, PydanticObjectId, init_beanie
from bson import ObjectId
from bson.errors import InvalidId
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import ConfigDict
from pymongo.errors import ConnectionFailure, DuplicateKeyError, ExecutionTimeout, WaitQueueTimeoutError

from waybill.errors import FileNotFound, ServiceUnavailable
from waybill.lifecycle import FailureReason, Status, sources


class ContentTakenError(Exception):
    """The owner already has a COMPLETED file of this content: the unique index refused a second."""


@dataclass(frozen=True, slots=True)
class Later:
    """A time that many seconds from now, by the database's clock: the only one that all workers share."""

    seconds: float = 0


NOW = Later()

#: Milliseconds until an operation on MongoDB is given up. Every one of ours is small and on an index.
ANSWER_WITHIN = 1200


def _partial(name: str, condition: Mapping[str, Any], **keys: int) -> pymongo.IndexModel:
    return pymongo.IndexModel(list(keys.items()), name=name, partialFilterExpression=condition)


class File(Document):
    """One upload: what was announced, where it stands, what was found.

    ``due_at`` is the outbox: a job is owed, and must be sent again should nothing have happened until then.
    While a worker hashes it is the end of that worker's lease. ``expire_at`` is when an upload that nobody
    completed is given up.
    """

    owner: str
    name: str
    size: int
    content_type: str
    declared_sha256: str | None = None
    object_key: str
    created_at: datetime
    upload_expires_at: datetime

    status: Status = Status.PENDING
    expire_at: datetime | None = None
    due_at: datetime | None = None
    etag: str | None = None
    attempt: str | None = None
    sha256: str | None = None
    completed_at: datetime | None = None
    duplicate_of: PydanticObjectId | None = None
    failure_reason: FailureReason | None = None

    deleted_at: datetime | None = None
    purge_at: datetime | None = None
    purged_at: datetime | None = None

    model_config = ConfigDict(extra="ignore")

    class Settings:
        name = "files"
        keep_nulls = False
        indexes: ClassVar[list[pymongo.IndexModel]] = [
            # The first COMPLETED of a content wins; deletion frees the content.
            pymongo.IndexModel(
                [("owner", 1), ("sha256", 1)],
                name="content",
                unique=True,
                partialFilterExpression={"status": Status.COMPLETED.value, "deleted_at": None},
            ),
            _partial("newest", {"deleted_at": None}, owner=1, created_at=-1, _id=-1),
            _partial("newest_by_status", {"deleted_at": None}, owner=1, status=1, created_at=-1, _id=-1),
            _partial("expiring", {"expire_at": {"$type": "date"}}, expire_at=1),
            _partial("due", {"due_at": {"$type": "date"}}, due_at=1),
        ]

    @property
    def file_id(self) -> str:
        """The id as clients know it: 24 hexadecimal digits."""
        return str(self.id)


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout, WaitQueueTimeoutError) as error:
        raise ServiceUnavailable("MongoDB") from error


@asynccontextmanager
async def open_database(url: str, name: str) -> AsyncIterator[None]:
    """Connect the documents to MongoDB for as long as the context lasts. Makes no index.

    Raises:
        ServiceUnavailable: MongoDB does not answer; Beanie asks for its version.
    """
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        url,
        tz_aware=True,
        # An answer or an error within two seconds, whether the server is gone or only frozen.
        timeoutMS=ANSWER_WITHIN,
        serverSelectionTimeoutMS=ANSWER_WITHIN,
        connectTimeoutMS=ANSWER_WITHIN,
        # Without a journaled majority an acknowledged upload could vanish with a killed server.
        w="majority",
        journal=True,
        appname="waybill",
    )
    try:
        with _reachable():
            await init_beanie(database=client[name], document_models=[File], skip_indexes=True)
        yield
    finally:
        client.close()


async def create_indexes() -> None:
    """Create the indexes; harmless where they are there already."""
    # Takes as long as the collection is large.
    with _reachable(), pymongo.timeout(None):
        await _collection().create_indexes(File.Settings.indexes)


async def database_time() -> datetime:
    """What time MongoDB has. Also its health check: one round trip."""
    with _reachable():
        database = _collection().database
        answer = await database.command("hello", codec_options=database.codec_options)
    time: datetime = answer["localTime"]
    return time


async def insert(file: File) -> None:
    """Store a new file."""
    with _reachable():
        await file.insert()


async def find(file_id: str, owner: str | None = None) -> File:
    """The file of that id; with ``owner``, only if it is that owner's.

    Raises:
        FileNotFound: malformed, unknown and foreign ids alike.
    """
    query: dict[str, Any] = {"_id": _object_id(file_id)}
    if owner is not None:
        query["owner"] = owner
    with _reachable():
        found = await _collection().find_one(query)
    if found is None:
        raise FileNotFound(file_id)
    return _file(found)


async def find_completed(owner: str, sha256: str, size: int | None = None) -> File | None:
    """The owner's COMPLETED and undeleted file of that content; at most one exists."""
    query: dict[str, Any] = {
        "owner": owner,
        "sha256": sha256,
        "status": Status.COMPLETED.value,
        "deleted_at": None,
    }
    if size is not None:
        query["size"] = size
    with _reachable():
        found = await _collection().find_one(query)
    return None if found is None else _file(found)


async def find_page(
    owner: str,
    *,
    limit: int,
    after: tuple[datetime, str] | None,
    statuses: Sequence[Status] = (),
    name_prefix: str | None = None,
) -> list[File]:
    """Up to ``limit`` undeleted files, newest first, that come after the position ``after``."""
    query: dict[str, Any] = {"owner": owner, "deleted_at": None}
    if statuses:
        query["status"] = {"$in": [status.value for status in statuses]}
    if name_prefix:
        query["name"] = {"$gte": name_prefix, "$lt": name_prefix + "\U0010ffff"}
    if after is not None:
        created_at, file_id = after
        query["$or"] = [
            {"created_at": {"$lt": created_at}},
            {"created_at": created_at, "_id": {"$lt": _object_id(file_id)}},
        ]
        # Bounds the index scan; the $or alone would be a filter on all of the owner's files.
        query["created_at"] = {"$lte": created_at}
    with _reachable():
        found = await _collection().find(query).sort([("created_at", -1), ("_id", -1)]).to_list(limit)
    return [_file(document) for document in found]


async def find_expiring(limit: int) -> list[File]:
    """Files whose ``expire_at`` has passed, the longest overdue first."""
    return await _find_past("expire_at", limit)


async def find_due(limit: int) -> list[File]:
    """Files whose ``due_at`` has passed, the longest overdue first."""
    return await _find_past("due_at", limit)


async def _find_past(field: str, limit: int) -> list[File]:
    # The database's time as a plain value, for $$NOW inside $expr gives an index scan no bound.
    query = {field: {"$lte": await database_time()}}
    with _reachable():
        found = await _collection().find(query).sort(field, 1).to_list(limit)
    return [_file(document) for document in found]


async def transition(
    file: File, target: Status, *, held_by: str | None = None, **changes: Any
) -> File | None:
    """Move an undeleted file to ``target`` if, and only if, an arrow leads there from where it now is.

    With ``held_by`` the file must also still be held by that attempt: one that lost its lease writes nothing.

    Returns:
        The file after the move, or None where it lost its race and nothing was changed.

    Raises:
        ContentTakenError: the move to COMPLETED met the unique index.
    """
    expected: dict[str, Any] = {
        "status": {"$in": [status.value for status in sources(target)]},
        "deleted_at": None,
    }
    if held_by is not None:
        expected["attempt"] = held_by
    try:
        return await change(file, expected, status=target, **changes)
    except DuplicateKeyError as error:
        raise ContentTakenError from error


async def change(file: File, expected: Mapping[str, Any], **changes: Any) -> File | None:
    """Set and unset fields of a file in one step, if it is as ``expected``.

    A change of None removes the field; a ``Later`` is a time by the database's clock.

    Returns:
        The file after the change, or None where it was not as expected.
    """
    stage = {name: _expression(value) for name, value in changes.items()}
    with _reachable():
        found = await _collection().find_one_and_update(
            {"_id": file.id, **expected}, [{"$set": stage}], return_document=pymongo.ReturnDocument.AFTER
        )
    return None if found is None else _file(found)


#: For ``change``: the file is due by the database's clock.
DUE: Mapping[str, Any] = {"$expr": {"$lte": ["$due_at", "$$NOW"]}}


def is_file_id(text: str) -> bool:
    """Whether a text has the form of an id."""
    return ObjectId.is_valid(text)


def _expression(value: Any) -> Any:
    if value is None:
        return "$$REMOVE"
    if isinstance(value, Later):
        return {"$add": ["$$NOW", round(value.seconds * 1000)]}
    # A literal, for a string that starts with a dollar would be read as a field's name.
    return {"$literal": value}


def _object_id(file_id: str) -> ObjectId:
    try:
        return ObjectId(file_id)
    except (InvalidId, TypeError):
        raise FileNotFound(file_id) from None


def _file(document: Mapping[str, Any]) -> File:
    file: File = File.model_validate(document)
    return file


def _collection() -> Any:
    return File.get_motor_collection()
