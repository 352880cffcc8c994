"""The compare-and-set change: the only way in which a stored file changes."""

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
from waybill.platform.mongo.expressions import past, stages
from waybill.platform.mongo.transactions import in_turn


class ContentTakenError(Exception):
    """The owner already has a COMPLETED file of this content: the unique index refused a second."""


class NotInTrashError(Exception):
    """Raised in a transaction that restores a file which left the trash, to take back what it has charged."""


def _past(field: str) -> Mapping[str, Any]:
    return {field: {"$exists": True}, "$expr": {"$lte": [f"${field}", "$$NOW"]}}


#: For ``change``: the file is due by the database's clock.
DUE = _past("due_at")

#: For ``change``: the upload's time is over, by the same clock.
OVERDUE = past("expire_at")

#: For ``change``: a purge is due.
PURGEABLE: Mapping[str, Any] = {"due_at": {"$exists": True}, **past("purge_at")}

#: For ``change``: the upload is neither completed, expired nor deleted.
PENDING: Mapping[str, Any] = {"status": Status.PENDING.value, "deleted_at": None}

#: Deleted, of some use, and not being purged.
IN_TRASH: Mapping[str, Any] = {
    "status": {"$in": [status.value for status in (*COUNTED, Status.DUPLICATE)]},
    **TRASH,
}

# A DUPLICATE has no object to come back with (``handover.py``).
_WITH_OBJECT: Mapping[str, Any] = {**IN_TRASH, "status": {"$in": [status.value for status in COUNTED]}}

_RELEASED = frozenset(Status) - frozenset(COUNTED)


async def transition(
    file: File,
    target: Status,
    *,
    held_by: str | None = None,
    **changes: Any,
) -> File | None:
    """Move an undeleted file to ``target`` if, and only if, an arrow leads there from where it now is.

    With ``held_by`` the file must also still be held by that attempt: one that lost its lease writes nothing.

    Returns:
        The file after the move, or None where it lost its race and nothing was changed.

    Raises:
        ContentTakenError: the move to COMPLETED met the unique index.
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
    """As ``transition``, of all those files that are as ``expected``; how many moved.

    Of each file its ``_id``, ``owner`` and ``charged`` are needed, as they were read. One that is marked by a
    quota since is left where it is.
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
    """As ``change``, of all those files that are as ``expected``, each by itself; how many changed.

    Not for a change that releases a file from its owner's quota.
    """
    if not ids:
        return 0
    # A thousand files take longer than one may.
    with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
        done = await files_collection().update_many({"_id": {"$in": ids}, **expected}, update_of(changes))
    matched: int = done.matched_count
    return matched


async def change(file: File, expected: Mapping[str, Any], **changes: Any) -> File | None:
    """Set and unset fields of a file in one step, if it is as ``expected``.

    A change of None removes the field; a ``Later`` is a time by the database's clock. A file that ends
    without having been stored, or is deleted, counts against its owner's quota no longer.

    Returns:
        The file after the change, or None where it was not as expected.
    """
    if not _releases(changes):
        with map_driver_errors():
            return await change_within(file, expected, changes)
    if file.charged is None:
        with map_driver_errors():
            found = await change_within(file, {**expected, "charged": None}, changes)
        if found is not None:
            return found
        # Not as expected, or marked since it was read.
    return await in_turn(file.owner, lambda session: change_and_release(file, expected, changes, session))


async def restore(file: File, quota: int | None, **changes: Any) -> File | None:
    """Undo a deletion, with further ``changes``, while the purge has not begun and the quota has room.

    Returns:
        The file after it, or None where it is not in the trash.

    Raises:
        ContentTakenError: the content was uploaded again meanwhile.
        OverQuotaError: the file no longer fits.
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
    """Return the condition of a move to ``target``, by the attempt that holds the file if one is named."""
    expected: dict[str, Any] = {"status": {"$in": [status.value for status in sources(target)]}}
    return expected | {"deleted_at": None} | ({} if held_by is None else {"attempt": held_by})


def _releases(changes: Mapping[str, Any]) -> bool:
    return changes.get("deleted_at") is not None or changes.get("status") in _RELEASED


def update_of(changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the update; it marks a file whose sums move, so that they are folded later."""
    derived: dict[str, Any] = {"unsummed": True} if SUMMED_FIELDS & changes.keys() else {}
    if "name" in changes:
        derived["name_search"] = search_form(changes["name"])
    return stages({**changes, **derived})


def identity(file: File) -> dict[str, Any]:
    """Return the condition for one file. In a sharded collection the owner names the shard."""
    return {"_id": file.id, "owner": file.owner}


async def change_and_release(
    file: File, expected: Mapping[str, Any], changes: Mapping[str, Any], session: Any
) -> File | None:
    """As ``change``, in a transaction; the file no longer counts against its owner's quota."""
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
            # A transaction sees one moment: these are as expected still, or it begins again.
            these = {"_id": {"$in": [file["_id"] for file in found]}}
            await files_collection().update_many(
                these, update_of({**changes, "charged": None}), session=session
            )
            await release(owner, sum(file["size"] for file in found), session)
        return len(found)

    return await in_turn(owner, both, within=BATCH_TIMEOUT_SECONDS)


async def change_within(
    file: File, expected: Mapping[str, Any], changes: Mapping[str, Any], session: Any = None
) -> File | None:
    """As ``change``, in a transaction. For no change that releases a file from its owner's quota."""
    found = await files_collection().find_one_and_update(
        {**identity(file), **expected},
        update_of(changes),
        return_document=pymongo.ReturnDocument.AFTER,
        session=session,
    )
    return None if found is None else file_of(found)
