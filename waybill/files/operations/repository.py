"""Insert, find and change operations."""

import secrets
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from waybill.files.operations.model import Operation, OperationId, OperationStatus
from waybill.platform.errors import OperationNotFound, ServiceUnavailable, TooManyOperations
from waybill.platform.mongo.connection import database_time
from waybill.platform.mongo.due_groups import PAGE_DOCUMENTS, Group, find_groups
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.expressions import DUE, NOW, InSeconds, stages

#: The most operations of one owner that have not ended.
MAX_OPEN_OPERATIONS = 10

#: Seconds. MongoDB rounds times down to milliseconds, so all earlier acknowledged changes are before this
#: time.
_A_MILLISECOND = 0.001

_OPEN: Mapping[str, Any] = {"due_at": {"$exists": True}}


def new_id() -> OperationId:
    """Return an id for an operation that is not stored yet."""
    return OperationId()


async def insert(operation_id: OperationId, owner: str, **fields: Any) -> Operation:
    """Insert an operation, or return the stored one with this id.

    Raises:
        TooManyOperations: the owner has ``MAX_OPEN_OPERATIONS`` that are open.
        ServiceUnavailable: MongoDB is unavailable, or parallel requests took every free slot.
    """
    new = {
        **fields,
        "owner": owner,
        "status": OperationStatus.PENDING.value,
        "done": 0,
        "accepted_at": InSeconds(_A_MILLISECOND),
        "due_at": NOW,
        "attempt": secrets.token_hex(8),
    }
    with map_driver_errors():
        # Each conflict leaves one free slot fewer.
        for _ in range(MAX_OPEN_OPERATIONS + 1):
            is_open = {"owner": owner, "slot": {"$exists": True}}
            open_ = await _collection().find(is_open).limit(MAX_OPEN_OPERATIONS).to_list(MAX_OPEN_OPERATIONS)
            free = set(range(MAX_OPEN_OPERATIONS)) - {each["slot"] for each in open_}
            known = await _collection().find_one({"_id": operation_id})
            if known is not None:
                return _operation_of(known)
            if not free:
                raise TooManyOperations(MAX_OPEN_OPERATIONS)
            try:
                found = await _collection().find_one_and_update(
                    {"_id": operation_id, "owner": {"$exists": False}},
                    stages({**new, "slot": secrets.choice([*free])}),
                    upsert=True,
                    return_document=pymongo.ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                continue  # A parallel request has taken the slot, or inserted this operation.
            return _operation_of(found)
    raise ServiceUnavailable("MongoDB")


async def find(operation_id: str, owner: str) -> Operation:
    """Return an operation of an owner.

    Raises:
        OperationNotFound: the id is malformed, unknown, or of another owner.
    """
    found = await find_own(owner, [operation_id]) if ObjectId.is_valid(operation_id) else {}
    if not found:
        raise OperationNotFound(operation_id)
    return next(iter(found.values()))


async def find_own(owner: str, operation_ids: Collection[str]) -> dict[str, Operation]:
    """Return the owner's operations with these ids, by id."""
    query = {"_id": {"$in": [ObjectId(each) for each in operation_ids]}, "owner": owner}
    with map_driver_errors():
        found = await _collection().find(query).limit(len(operation_ids)).to_list(len(operation_ids))
    return {str(document["_id"]): _operation_of(document) for document in found}


async def find_known(operation_id: OperationId) -> Operation | None:
    """Return the operation with an id that ``new_id`` returned, or None if it was not stored."""
    with map_driver_errors():
        found = await _collection().find_one({"_id": operation_id})
    return None if found is None else _operation_of(found)


async def postpone_first(owner: str, seconds: float) -> Operation | None:
    """Postpone the owner's first open operation if it is due. Return it, or None."""
    with map_driver_errors():
        first = (
            _collection()
            .find({"owner": owner, **_OPEN}, {"_id": 1})
            .sort([("accepted_at", 1), ("_id", 1)])
            .hint("due")
        )
        found = await first.limit(1).to_list(1)
    return await change(found[0]["_id"], DUE, due_at=InSeconds(seconds)) if found else None


async def take(operation_id: str, attempt: str, taker: str, seconds: float) -> Operation | None:
    """Give the lease of an operation from ``attempt`` to ``taker``, and postpone it.

    Returns:
        The operation, or None if it has ended, or another attempt was faster.
    """
    changes = {"attempt": taker, "status": OperationStatus.RUNNING, "due_at": InSeconds(seconds)}
    return await change(OperationId(operation_id), {"attempt": attempt}, **changes)


async def find_due_owners(after: str, page: int = PAGE_DOCUMENTS) -> AsyncGenerator[Group[str], None]:
    """Yield the due operations of each owner after ``after``, as groups of ``find_groups``."""
    due = {"due_at": {"$lte": await database_time()}}
    async for group in find_groups(_collection(), "owner", after, due, page):
        yield group


async def change(operation_id: OperationId, expected: Mapping[str, Any], **changes: Any) -> Operation | None:
    """Set and unset fields of an operation, if it matches ``expected``. Return None if it does not."""
    with map_driver_errors():
        found = await _collection().find_one_and_update(
            {"_id": operation_id, **expected},
            stages(changes),
            return_document=pymongo.ReturnDocument.AFTER,
        )
    return None if found is None else _operation_of(found)


def _operation_of(document: Mapping[str, Any]) -> Operation:
    operation: Operation = Operation.model_validate(document)
    return operation


def _collection() -> Any:
    return Operation.get_motor_collection()
