"""Compare-and-set changes: the only way in which a stored file changes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pymongo
from pymongo.errors import DuplicateKeyError

from waybill.files.lifecycle import Status, sources
from waybill.files.model import TRASH, File, FileId
from waybill.files.name_search import search_form
from waybill.files.repository import file_of
from waybill.files.usage.quota import COUNTED, charge, release
from waybill.files.usage.sums import SUMMED_FIELDS
from waybill.platform.mongo.connection import BATCH_TIMEOUT_SECONDS, files_collection
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.expressions import NOW, past, stages
from waybill.platform.mongo.transactions import in_owner_transaction


class ContentTakenError(Exception):
    """Raised when the unique index refuses a second COMPLETED file of a content."""


class NotInTrashError(Exception):
    """Raised to abort a transaction that restores a file, because the file is no longer in the trash."""


#: Condition for ``change``: the upload's time is over, by the same clock.
OVERDUE = past("expire_at")

#: Condition for ``change``: a purge is due.
PURGEABLE: Mapping[str, Any] = {"due_at": {"$exists": True}, **past("purge_at")}

#: Condition for ``change``: the upload is neither completed, expired nor deleted.
PENDING: Mapping[str, Any] = {"status": Status.PENDING.value, "deleted_at": None}

#: Condition: the file is deleted and can be restored.
IN_TRASH: Mapping[str, Any] = {
    "status": {"$in": [status.value for status in (*COUNTED, Status.DUPLICATE)]},
    **TRASH,
}

# A DUPLICATE has no object of its own to be restored with (``handover.py``).
_WITH_OBJECT: Mapping[str, Any] = {**IN_TRASH, "status": {"$in": [status.value for status in COUNTED]}}

_RELEASED = frozenset(Status) - frozenset(COUNTED)


async def transition(
    file: File,
    target: Status,
    *,
    held_by: str | None = None,
    **changes: Any,
) -> File | None:
    """Move an undeleted file to ``target``, if ``lifecycle`` allows that from its current status.

    Args:
        held_by: The attempt that must still hold the lease. An attempt that lost it writes nothing.
        changes: Further fields to set, like those of ``change``.

    Returns:
        The file after the move, or None if it did not match and nothing was changed.

    Raises:
        ContentTakenError: another file of this content is already COMPLETED.
    """
    expected = arrow_to(target, held_by)
    changes["status"] = target
    try:
        return await change(file, expected, **changes)
    except DuplicateKeyError as error:
        raise ContentTakenError from error


async def transition_many(
    files: Sequence[Mapping[str, Any]], target: Status, expected: Mapping[str, Any], **changes: Any
) -> int:
    """Like ``transition``, for several files.

    Args:
        files: The ``_id``, ``owner`` and ``charged`` of each file, as they were read. A file that a quota has
            marked since then is not moved.
        expected: A condition that each file must match.

    Returns:
        How many files were moved.
    """
    expected = {**arrow_to(target), **expected}
    changes["status"] = target
    if not _releases(changes):
        return await change_many([file["_id"] for file in files], expected, **changes)
    by_owner: dict[str, list[FileId]] = defaultdict(list)
    unmarked: list[FileId] = []
    for file in files:
        (by_owner[file["owner"]] if file.get("charged") else unmarked).append(file["_id"])
    moved = await change_many(unmarked, {**expected, "charged": None}, **changes)
    for owner, ids in by_owner.items():
        moved += await _change_and_release_many(owner, ids, expected, changes)
    return moved


async def change_many(ids: Sequence[FileId], expected: Mapping[str, Any], **changes: Any) -> int:
    """Like ``change``, for several files. Returns how many were changed.

    Each file is changed by itself. Not for a change that releases a file from its owner's quota.
    """
    if not ids:
        return 0
    # A thousand files need more time than one.
    with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
        done = await files_collection().update_many({"_id": {"$in": ids}, **expected}, update_of(changes))
    matched: int = done.matched_count
    return matched


async def change(file: File, expected: Mapping[str, Any], **changes: Any) -> File | None:
    """Set and unset fields of a file in one step, if it matches ``expected``.

    None removes a field, and an expression (``expressions.py``) is evaluated by the database. A file that is
    deleted, or is FAILED, EXPIRED or DUPLICATE, no longer counts against its owner's quota.

    Returns:
        The file after the change, or None if it did not match.
    """
    if not _releases(changes):
        with map_driver_errors():
            return await change_within(file, expected, changes)
    if file.charged is None:
        with map_driver_errors():
            found = await change_within(file, {**expected, "charged": None}, changes)
        if found is not None:
            return found
        # It did not match, or a quota has marked it since it was read.
    return await in_owner_transaction(
        file.owner, lambda session: change_and_release(file, expected, changes, session)
    )


async def restore(file: File, quota: int | None, **changes: Any) -> File | None:
    """Undo a deletion, with further ``changes``, if the purge has not begun and the quota has room.

    Returns:
        The file after the change, or None if it is not in the trash.

    Raises:
        ContentTakenError: another file of this content is COMPLETED by now.
        OverQuotaError: the quota no longer has room for the file.
    """
    undone = {"deleted_at": None, "purge_at": None, **changes}

    async def marked(session: Any) -> File:
        found = await change_within(file, _WITH_OBJECT, {**undone, "charged": True}, session)
        if found is None:
            raise NotInTrashError
        return found

    try:
        if quota is not None:
            return await charge(file, quota, marked)
        with map_driver_errors():
            return await change_within(file, _WITH_OBJECT, undone)
    except NotInTrashError:
        return None
    except DuplicateKeyError as error:
        raise ContentTakenError from error


def arrow_to(target: Status, held_by: str | None = None) -> dict[str, Any]:
    """Return the condition for a move to ``target``, with ``held_by`` only by the attempt that holds it."""
    expected: dict[str, Any] = {"status": {"$in": [status.value for status in sources(target)]}}
    return expected | {"deleted_at": None} | ({} if held_by is None else {"attempt": held_by})


def _releases(changes: Mapping[str, Any]) -> bool:
    return changes.get("deleted_at") is not None or changes.get("status") in _RELEASED


def update_of(changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the update, with the fields that follow from the changes.

    It also marks files whose sums change, so that a fold updates the sums later, and notes when a file comes
    into a folder.
    """
    derived: dict[str, Any] = {"unsummed": True} if SUMMED_FIELDS & changes.keys() else {}
    if "name" in changes:
        derived["name_search"] = search_form(changes["name"])
    if "folder" in changes or changes.get("deleted_at", NOW) is None:
        derived["placed_at"] = NOW
    return stages({**derived, **changes})


def identity(file: File) -> dict[str, Any]:
    """Return the condition for one file. In a sharded collection the owner selects the shard."""
    return {"_id": file.id, "owner": file.owner}


async def change_and_release(
    file: File, expected: Mapping[str, Any], changes: Mapping[str, Any], session: Any
) -> File | None:
    """Like ``change``, in a transaction. The file then no longer counts against its owner's quota."""
    marked = await files_collection().find_one(
        {**identity(file), "charged": True}, {"_id": 1}, session=session
    )
    found = await change_within(file, expected, {**changes, "charged": None}, session)
    if found is not None and marked is not None:
        await release(file.owner, file.size, session)
    return found


async def _change_and_release_many(
    owner: str, ids: Sequence[FileId], expected: Mapping[str, Any], changes: Mapping[str, Any]
) -> int:
    async def both(session: Any) -> int:
        marked = {"_id": {"$in": ids}, **expected, "charged": True}
        found = await files_collection().find(marked, {"size": 1}, session=session).to_list(None)
        if found:
            # A transaction reads one snapshot: these files still match, or the transaction is retried.
            these = {"_id": {"$in": [file["_id"] for file in found]}}
            await files_collection().update_many(
                these, update_of({**changes, "charged": None}), session=session
            )
            await release(owner, sum(file["size"] for file in found), session)
        return len(found)

    return await in_owner_transaction(owner, both, within=BATCH_TIMEOUT_SECONDS)


async def change_within(
    file: File, expected: Mapping[str, Any], changes: Mapping[str, Any], session: Any = None
) -> File | None:
    """Like ``change``, in a transaction. Not for a change that releases a file from its owner's quota."""
    found = await files_collection().find_one_and_update(
        {**identity(file), **expected},
        update_of(changes),
        return_document=pymongo.ReturnDocument.AFTER,
        session=session,
    )
    return None if found is None else file_of(found)
