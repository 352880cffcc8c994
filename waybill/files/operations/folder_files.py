"""Read the files of an operation, in the order of an index, from where the last step ended."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson.max_key import MaxKey
from bson.min_key import MinKey

from waybill.files import transitions
from waybill.files.folder import end_of
from waybill.files.operations.model import Operation
from waybill.platform.mongo.connection import files_collection
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.expressions import Rebased

#: Sorted by folder, and of each folder the newest file first. So of several names of one content the oldest,
#: which holds it, goes last, and the content changes hands less often.
_INDEX = "newest_in_folder"

_KEYS = ("folder", "created_at", "_id")

#: Fields of a file by name; a file that is read by the keys of the index has no ``placed_at``.
Fields = Mapping[str, Any]


async def read_keys(operation: Operation, limit: int) -> Sequence[Fields]:
    """Return the folder, time and id of the next files, from the index alone."""
    return await _read(files_query(operation, _KEYS), limit)


async def read_files(operation: Operation, limit: int) -> Sequence[Fields]:
    """Return the same as ``read_keys``, and ``placed_at``."""
    return await _read(files_query(operation, (*_KEYS, "placed_at")), limit)


def position_of(file: Fields) -> list[Any]:
    """Return the position of a file, for ``Operation.after``."""
    return [file["folder"], file["created_at"], file["_id"]]


def is_included(operation: Operation, file: Fields) -> bool:
    """Return whether a file of the folder was there when the operation was accepted."""
    placed_at = file.get("placed_at")
    return file["created_at"] < operation.created_at and (
        placed_at is None or placed_at < operation.accepted_at
    )


def included(operation: Operation) -> dict[str, Any]:
    """Return the condition for files that the operation must still change."""
    return {
        "owner": operation.owner,
        "deleted_at": None,
        "folder": {"$gte": operation.folder, "$lt": end_of(operation.folder)},
        "created_at": {"$lt": operation.created_at},
        "$or": [{"placed_at": None}, {"placed_at": {"$lt": operation.accepted_at}}],
    }


async def move_planned(operation: Operation) -> int:
    """Move the files of the current step. Returns how many of them this operation has moved by now.

    Their ``placed_at`` becomes the time of the operation. So a later operation includes them, and
    this one does not move them again if they are still below its folder.
    """
    await transitions.change_many(
        operation.plan,
        included(operation),
        folder=Rebased(operation.folder, operation.to or ""),
        placed_at=operation.accepted_at,
    )
    return await count_planned(operation, {"placed_at": operation.accepted_at})


async def count_planned(operation: Operation, condition: Mapping[str, Any]) -> int:
    """Count the files of the current step that match a condition."""
    query = {"_id": {"$in": operation.plan}, "owner": operation.owner, **condition}
    with map_driver_errors():
        counted: int = await files_collection().count_documents(query)
    return counted


def files_query(operation: Operation, fields: Sequence[str]) -> Any:
    """Return the driver's cursor over the next files of the folder, also those that came later."""
    # Bounds of whole keys, because with a query MongoDB would fetch each file.
    newest = [("created_at", MaxKey()), ("_id", MaxKey()), ("status", MinKey()), ("deleted_at", MinKey())]
    begin = [("owner", operation.owner), ("folder", operation.folder), *newest]
    if operation.after is not None:
        folder, created_at, file_id = operation.after
        begin = [("owner", operation.owner), ("folder", folder), ("created_at", created_at)]
        begin += [("_id", file_id), ("status", MaxKey()), ("deleted_at", MaxKey())]
    end = [("owner", operation.owner), ("folder", end_of(operation.folder)), *newest]
    projection = {"_id": 0, **dict.fromkeys(fields, 1)}
    return files_collection().find({}, projection).min(begin).max(end).hint(_INDEX)


async def _read(query: Any, limit: int) -> Sequence[Fields]:
    with map_driver_errors():
        found: Sequence[Fields] = await query.limit(limit).to_list(limit)
    return found
