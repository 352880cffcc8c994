"""Hand the object of a content over to another of its names when the file that holds it is deleted or purged.

The two files exchange the fields of their objects. So each object key is in one record at any time, and the
purge of a deleted file cannot remove the object of a content that still has names.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pymongo
from pymongo.errors import DuplicateKeyError

from waybill.files.contents import HOLDER, HolderGoneError, content_of, touch
from waybill.files.lifecycle import Status
from waybill.files.model import NAMES, TRASH, File, FileId
from waybill.files.repository import file_of, find_one
from waybill.files.transitions import (
    PURGEABLE,
    ContentTakenError,
    NotInTrashError,
    change,
    change_and_release,
    change_within,
    identity,
    update_of,
)
from waybill.files.usage.quota import charge
from waybill.platform.mongo.connection import BATCH_TIMEOUT_SECONDS, files_collection
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.expressions import NOW
from waybill.platform.mongo.transactions import in_owner_transaction

#: Names whose ``duplicate_of`` the transaction of a handover corrects. ``follow_names`` corrects the others.
FOLLOWERS = 100

#: Names that one transaction of ``follow_names`` corrects; names of one content and holders of one run.
FOLLOW_NAMES = 200
FOLLOW_RUN = 5000
FOLLOW_HOLDERS = 10

#: The fields of a file that describe its object.
_OBJECT = ("object_key", "etag", "part_size", "upload_expires_at", "discarded_at")

#: No object to remove, and no problem found.
_SETTLED = dict.fromkeys(("purge_at", "due_at", "purge_began_at", "purged_at", "doubt", "looks", "look_at"))

_OLDEST_FIRST = [("created_at", 1), ("_id", 1)]


async def delete(file: File, expected: Mapping[str, Any], **changes: Any) -> File | None:
    """Delete a file that matches ``expected``. The oldest undeleted name of its content becomes COMPLETED.

    Returns:
        The file after the change, or None if it did not match.
    """
    if file.duplicated_at is None:
        return await change(file, {**expected, "duplicated_at": None}, **changes)

    async def both(session: Any) -> File | None:
        found = await _find(file, expected, session)
        names = [] if found is None else await _oldest_names(found, session)
        if found is None or found.status is not Status.COMPLETED or not names:
            return await change_and_release(file, expected, changes, session)
        return await _promote(found, names, changes, session)

    return await in_owner_transaction(file.owner, both)


async def restore_from_trash(file: File, quota: int | None) -> File | None:
    """Restore a DUPLICATE whose content is in the trash: it takes the object and becomes COMPLETED.

    Returns:
        The file after the change, or None if the content no longer exists.

    Raises:
        ContentTakenError: another file holds the content by now.
        OverQuotaError: the owner's quota has no room for the file.
    """

    async def both(session: Any) -> File:
        found = await find_one(_deleted_holder(file), session, sort=[("purge_at", -1)])
        taker = await _find(file, {**TRASH, "status": Status.DUPLICATE.value}, session)
        if found is None and await _has_holder(file, session):
            # Another restore was faster: a file holds the content.
            raise ContentTakenError
        if found is None or taker is None:
            raise NotInTrashError
        holds = {"deleted_at": None, "charged": True if quota is not None else None}
        restored = await _exchange(found, taker, {}, holds, session)
        assert restored is not None  # noqa: S101  # a transaction sees one moment
        return restored[1]

    try:
        if quota is not None:
            return await charge(file, quota, both)
        return await in_owner_transaction(file.owner, both)
    except NotInTrashError:
        return None
    except DuplicateKeyError as error:
        raise ContentTakenError from error


async def find_unmarked(ids: Sequence[FileId]) -> set[FileId]:
    """Return those of some deleted files, up to a thousand, that hold a content with a living name unmarked.

    An older release adds names without ``duplicated_at`` at the holder.
    """
    query = {"_id": {"$in": ids}, **TRASH, "status": Status.COMPLETED.value, "duplicated_at": None}
    fields = {"_id": {"owner": "$owner", "sha256": "$sha256"}}
    with map_driver_errors(), pymongo.timeout(BATCH_TIMEOUT_SECONDS):
        found = await files_collection().find(query, ["owner", "sha256"]).to_list(None)
        if not found:
            return set()
        contents = [{"owner": each["owner"], "sha256": each["sha256"]} for each in found]
        stages = [{"$match": {**NAMES, "$or": contents}}, {"$group": fields}]
        named = await files_collection().aggregate(stages, hint="names").to_list(None)
    with_names = {(each["_id"]["owner"], each["_id"]["sha256"]) for each in named}
    return {each["_id"] for each in found if (each["owner"], each["sha256"]) in with_names}


async def begin_purge(file: File) -> None:
    """Begin the purge of a file. If its content has other names, hand the object over to one of them.

    It goes to an undeleted name, if an older release deleted the holder without a handover, and otherwise to
    the name that stays longest in the trash.
    """

    async def both(session: Any) -> None:
        found = await _find(file, {**PURGEABLE, "purge_began_at": None}, session)
        if found is None:
            return
        if found.status is Status.COMPLETED and found.deleted_at is not None:
            await _leave_object(found, session)
        await change_within(file, {}, {"purge_began_at": NOW}, session)

    await in_owner_transaction(file.owner, both)


async def promote_in_place_of_deleted(name: File) -> bool:
    """Make the oldest undeleted name COMPLETED, if an older release deleted the holder without a handover.

    Returns:
        Whether a name became COMPLETED.
    """

    async def both(session: Any) -> bool:
        found = await find_one(_deleted_holder(name), session)
        if found is None or await _has_holder(name, session):
            return False
        names = await _oldest_names(name, session)
        return bool(names) and await _promote(found, names, {}, session) is not None

    with map_driver_errors():
        if await files_collection().find_one(_deleted_holder(name), {"_id": 1}) is None:
            return False
    return await in_owner_transaction(name.owner, both)


async def adopt(holder: File, file: File) -> File | None:
    """Give the object of a DUPLICATE to the file that holds the content and whose own object is lost.

    Returns:
        The DUPLICATE after the change, or None if one of the two files has changed meanwhile.
    """

    async def both(session: Any) -> File | None:
        found = await _find(holder, {**HOLDER, "object_key": holder.object_key}, session)
        spare = {**NAMES, "object_key": file.object_key, "discarded_at": None}
        if found is None or await _find(file, spare, session) is None:
            return None
        await change_within(holder, {}, {**_object_of(file), "duplicated_at": NOW}, session)
        lost = {**_object_of(found), **_SETTLED, "purge_at": NOW, "due_at": NOW}
        return await change_within(file, {}, lost, session)

    return await in_owner_transaction(file.owner, both)


async def follow_names() -> int:
    """Correct ``duplicate_of`` of names that a handover left, in bounded steps. Return how many."""
    with map_driver_errors():
        holders = (
            await files_collection().find({"unfollowed": True}).limit(FOLLOW_HOLDERS).to_list(FOLLOW_HOLDERS)
        )
    return sum([await _follow(file_of(each)) for each in holders])


async def _follow(holder: File) -> int:
    corrected = 0
    after: Mapping[str, Any] = {}
    while True:
        query = {**content_of(holder), **NAMES, **after}
        with map_driver_errors():
            look = (
                files_collection()
                .find(query, ["created_at", "duplicate_of"])
                .sort(_OLDEST_FIRST)
                .hint("names")
            )
            found = await look.limit(FOLLOW_NAMES).to_list(FOLLOW_NAMES)
        ids = [each["_id"] for each in found if each.get("duplicate_of") != holder.id]
        try:
            if ids:
                corrected += await in_owner_transaction(holder.owner, partial(_correct, holder, ids))
        except HolderGoneError:
            return corrected
        if corrected >= FOLLOW_RUN:
            return corrected
        if len(found) < FOLLOW_NAMES:
            await change(holder, HOLDER, unfollowed=None)
            return corrected
        last = found[-1]
        later = {"created_at": last["created_at"], "_id": {"$gt": last["_id"]}}
        after = {"$or": [later, {"created_at": {"$gt": last["created_at"]}}]}


async def _correct(holder: File, ids: Sequence[Any], session: Any) -> int:
    await touch(holder, session)
    done = await files_collection().update_many(
        {"_id": {"$in": ids}, "owner": holder.owner, **NAMES},
        update_of({"duplicate_of": holder.id}),
        session=session,
    )
    corrected: int = done.modified_count
    return corrected


async def _leave_object(file: File, session: Any) -> None:
    if await _has_holder(file, session):
        return
    if names := await _oldest_names(file, session):
        await _promote(file, names, {}, session)
        return
    waiting = {**content_of(file), **TRASH, "status": Status.DUPLICATE.value}
    longest = await files_collection().find_one(waiting, sort=[("purge_at", -1)], session=session)
    if longest is not None and longest["purge_at"] > file.purge_at:
        heir = file_of(longest)
        stays_in_trash = {name: getattr(heir, name) for name in ("purge_at", "due_at")}
        await _exchange(file, heir, {}, stays_in_trash, session)


async def _promote(
    file: File, names: Sequence[File], changes: Mapping[str, Any], session: Any
) -> File | None:
    """Make the first of ``names`` the holder in place of ``file``, and set ``duplicate_of`` of the others."""
    heir, *others = names
    holds = {"charged": file.charged, "unfollowed": True if len(others) > FOLLOWERS else None}
    exchanged = await _exchange(file, heir, changes, holds, session)
    if others:
        ids = [other.id for other in others[:FOLLOWERS]]
        await files_collection().update_many(
            {"_id": {"$in": ids}, "owner": file.owner}, update_of({"duplicate_of": heir.id}), session=session
        )
    return exchanged and exchanged[0]


async def _exchange(
    file: File, heir: File, changes: Mapping[str, Any], holds: Mapping[str, Any], session: Any
) -> tuple[File, File] | None:
    """Give the object of a COMPLETED file to ``heir``, a DUPLICATE, and its own object to the file."""
    name = {"status": Status.DUPLICATE, "duplicate_of": heir.id, "charged": None, "duplicated_at": None}
    left = await change_within(file, {}, {**changes, **_object_of(heir), **name, "unfollowed": None}, session)
    holder = {"status": Status.COMPLETED, "duplicate_of": None, "completed_at": NOW, "duplicated_at": NOW}
    taken = await change_within(heir, {}, {**_SETTLED, **_object_of(file), **holder, **holds}, session)
    return None if left is None or taken is None else (left, taken)


def _object_of(file: File) -> dict[str, Any]:
    return {name: getattr(file, name) for name in _OBJECT}


async def _find(file: File, expected: Mapping[str, Any], session: Any) -> File | None:
    return await find_one({**identity(file), **expected}, session)


def _deleted_holder(file: File) -> dict[str, Any]:
    """Return the condition for a file in the trash that still holds a file's content."""
    return {**content_of(file), **TRASH, "status": Status.COMPLETED.value}


async def _has_holder(file: File, session: Any) -> bool:
    query = {**content_of(file), **HOLDER}
    return await files_collection().find_one(query, {"_id": 1}, session=session) is not None


async def _oldest_names(file: File, session: Any) -> Sequence[File]:
    """Return the oldest undeleted names of a content: the heir, those to correct, and one more."""
    names = files_collection().find({**content_of(file), **NAMES}, session=session)
    found = await names.sort(_OLDEST_FIRST).hint("names").limit(FOLLOWERS + 2).to_list(None)
    return [file_of(each) for each in found]
