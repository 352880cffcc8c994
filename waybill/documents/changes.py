"""The compare-and-set change: the only way in which a stored file changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pymongo
from pymongo.errors import DuplicateKeyError

from waybill.documents.database import collection, reachable
from waybill.documents.file import File
from waybill.documents.queries import file_of
from waybill.lifecycle import Status, sources


class ContentTakenError(Exception):
    """The owner already has a COMPLETED file of this content: the unique index refused a second."""


class WinnerGoneError(Exception):
    """The COMPLETED file that another was to become a duplicate of is deleted: the content is free again."""


@dataclass(frozen=True, slots=True)
class Later:
    """A time that many seconds from now, by the database's clock: the only one that all workers share."""

    seconds: float = 0


NOW = Later()

#: For ``change``: the file is due by the database's clock.
DUE: Mapping[str, Any] = {"due_at": {"$exists": True}, "$expr": {"$lte": ["$due_at", "$$NOW"]}}


async def transition(
    file: File,
    target: Status,
    *,
    held_by: str | None = None,
    duplicate_of: File | None = None,
    **changes: Any,
) -> File | None:
    """Move an undeleted file to ``target`` if, and only if, an arrow leads there from where it now is.

    With ``held_by`` the file must also still be held by that attempt: one that lost its lease writes nothing.
    With ``duplicate_of`` that file must be COMPLETED and undeleted at the very moment of the move.

    Returns:
        The file after the move, or None where it lost its race and nothing was changed.

    Raises:
        ContentTakenError: the move to COMPLETED met the unique index.
        WinnerGoneError: ``duplicate_of`` was deleted meanwhile; nothing was changed.
    """
    expected: dict[str, Any] = {
        "status": {"$in": [status.value for status in sources(target)]},
        "deleted_at": None,
    }
    if held_by is not None:
        expected["attempt"] = held_by
    changes["status"] = target
    try:
        if duplicate_of is None:
            return await change(file, expected, **changes)
        return await _change_beside(duplicate_of, file, expected, duplicate_of=duplicate_of.id, **changes)
    except DuplicateKeyError as error:
        raise ContentTakenError from error


async def change(file: File, expected: Mapping[str, Any], **changes: Any) -> File | None:
    """Set and unset fields of a file in one step, if it is as ``expected``.

    A change of None removes the field; a ``Later`` is a time by the database's clock.

    Returns:
        The file after the change, or None where it was not as expected.
    """
    with reachable():
        return await _change(file, expected, changes)


async def _change_beside(
    winner: File, file: File, expected: Mapping[str, Any], **changes: Any
) -> File | None:
    """Change ``file`` while ``winner`` is COMPLETED and undeleted.

    Reading the winner first would not do: a delete between the two would leave the owner with neither. The
    transaction writes to the winner, so that it and a delete exclude each other.
    """

    async def both(session: Any) -> File | None:
        kept = {"_id": winner.id, "status": Status.COMPLETED.value, "deleted_at": None}
        touched = await collection().update_one(
            kept, {"$currentDate": {"duplicated_at": True}}, session=session
        )
        if not touched.matched_count:
            raise WinnerGoneError
        return await _change(file, expected, changes, session)

    with reachable():
        async with await collection().database.client.start_session() as session:
            found: File | None = await session.with_transaction(both)
    return found


async def _change(
    file: File, expected: Mapping[str, Any], changes: Mapping[str, Any], session: Any = None
) -> File | None:
    stage = {name: _expression(value) for name, value in changes.items()}
    found = await collection().find_one_and_update(
        {"_id": file.id, **expected},
        [{"$set": stage}],
        return_document=pymongo.ReturnDocument.AFTER,
        session=session,
    )
    return None if found is None else file_of(found)


def _expression(value: Any) -> Any:
    if value is None:
        return "$$REMOVE"
    if isinstance(value, Later):
        return {"$add": ["$$NOW", round(value.seconds * 1000)]}
    # A literal, for a string that starts with a dollar would be read as a field's name.
    return {"$literal": value}
