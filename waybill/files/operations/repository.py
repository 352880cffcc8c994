"""Storing, finding and changing operations."""

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

#: Operations of one owner that have not ended.
MAX_OPEN_OPERATIONS = 10

#: Seconds. MongoDB keeps milliseconds and cuts the rest off: what was acknowledged before lies before this.
_A_MILLISECOND = 0.001

_OPEN: Mapping[str, Any] = {"due_at": {"$exists": True}}


def new_id() -> OperationId:
    """Return an id for an operation that is not stored yet."""
    return OperationId()


async def insert(operation_id: OperationId, owner: str, **fields: Any) -> Operation:
    """Store a new operation, or return the one of that id that is stored already.

    Raises:
        TooManyOperations: the owner has ``MAX_OPEN_OPERATIONS`` that are open.
        ServiceUnavailable: also if others took each slot that was free.
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
        # Each time that a slot is taken meanwhile, one fewer is free.
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
                continue  # Another has taken the slot, or stored this operation, meanwhile.
            return _operation_of(found)
    raise ServiceUnavailable("MongoDB")


async def find(operation_id: str, owner: str) -> Operation:
    """Return an operation of an owner.

    Raises:
        OperationNotFound: malformed, unknown and foreign ids alike.
    """
    found = await find_own(owner, [operation_id]) if ObjectId.is_valid(operation_id) else {}
    if not found:
        raise OperationNotFound(operation_id)
    return next(iter(found.values()))


async def find_own(owner: str, operation_ids: Collection[str]) -> dict[str, Operation]:
    """Return the owner's operations of those ids, by id."""
    query = {"_id": {"$in": [ObjectId(each) for each in operation_ids]}, "owner": owner}
    with map_driver_errors():
        found = await _collection().find(query).limit(len(operation_ids)).to_list(len(operation_ids))
    return {str(document["_id"]): _operation_of(document) for document in found}


async def find_known(operation_id: OperationId) -> Operation | None:
    """Return the operation of an id that we made, if it is stored."""
    with map_driver_errors():
        found = await _collection().find_one({"_id": operation_id})
    return None if found is None else _operation_of(found)


async def put_off_first(owner: str, seconds: float) -> Operation | None:
    """Put the owner's first open operation off, if it is due. Returns it, or None if there is no such."""
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
    """Give an operation that waits for ``attempt`` to ``taker``, and put it off.

    Returns:
        The operation, or None if it has ended, or another attempt was faster.
    """
    changes = {"attempt": taker, "status": OperationStatus.RUNNING, "due_at": InSeconds(seconds)}
    return await change(OperationId(operation_id), {"attempt": attempt}, **changes)


async def find_due_owners(after: str, page: int = PAGE_DOCUMENTS) -> AsyncGenerator[Group[str], None]:
    """Yield the due operations of each owner behind ``after``, as ``find_groups`` does."""
    due = {"due_at": {"$lte": await database_time()}}
    async for group in find_groups(_collection(), "owner", after, due, page):
        yield group


async def change(operation_id: OperationId, expected: Mapping[str, Any], **changes: Any) -> Operation | None:
    """As ``transitions.change``, of an operation."""
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
