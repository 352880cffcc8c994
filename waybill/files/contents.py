"""Contents and their names: a content is one object, and each file of its owner and SHA-256 is a name for it.

The COMPLETED file holds the object, and there is at most one. The others are DUPLICATE. A transaction that
adds a name also writes to the holder, so it conflicts with a deletion of the holder.
"""

from collections.abc import Mapping
from typing import Any

from pymongo.errors import DuplicateKeyError

from waybill.files.idempotency import IdempotencyKey, settle
from waybill.files.lifecycle import Status
from waybill.files.model import NAMES, TRASH, File
from waybill.files.repository import AlreadyThereError, document_of, find_one
from waybill.files.transitions import arrow_to, change_and_release, identity
from waybill.platform.mongo.connection import files_collection
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.mongo.transactions import in_owner_transaction

#: How often a content may change its holder during a call until the caller must try later.
CONTENT_RACES = 5

#: The file that holds a content.
HOLDER: Mapping[str, Any] = {"status": Status.COMPLETED.value, "deleted_at": None}


class HolderGoneError(Exception):
    """Raised when the file that held the content is deleted, or no longer holds it."""


async def find_holder(owner: str, sha256: str | None, size: int | None = None) -> File | None:
    """Return the COMPLETED file that holds a content of the owner, or None if no file does.

    Args:
        size: the content's size in bytes, if a client has declared it.
    """
    query: dict[str, Any] = {"owner": owner, "sha256": sha256, **HOLDER}
    if size is not None:
        query["size"] = size
    with map_driver_errors():
        return await find_one(query)


async def find_name(holder: File, folder: str | None, name: str, content_type: str) -> File | None:
    """Return the file of that folder, name and type, with the content that ``holder`` holds, or None."""
    if (holder.folder, holder.name, holder.content_type) == (folder, name, content_type):
        return holder
    with map_driver_errors():
        return await _find_name(holder, folder, name, content_type)


async def insert_name(file: File, holder: File, key: IdempotencyKey | None = None) -> File:
    """Store a DUPLICATE. Of parallel calls with the same folder, name and type, one stores its file.

    Args:
        key: the idempotency key of the request. It is for the returned file from then on.

    Returns:
        The stored file of that folder, name and type.

    Raises:
        AlreadyThereError: a file with this id exists; it was not changed.
        HolderGoneError: ``holder`` no longer holds the content; nothing was stored.
    """

    async def both(session: Any) -> File:
        await touch(holder, session)
        found = await _find_name(holder, file.folder, file.name, file.content_type, session)
        if key is not None and not await settle(key, (found or file).key, session):
            raise AlreadyThereError
        if found is None:
            await files_collection().insert_one(document_of(file), session=session)
        return found or file

    try:
        return await in_owner_transaction(file.owner, both)
    except DuplicateKeyError as error:
        raise AlreadyThereError from error


async def become_duplicate(file: File, holder: File, held_by: str, **changes: Any) -> File | None:
    """Move a file that the attempt ``held_by`` has verified to DUPLICATE.

    Returns:
        The file after the move, or None if the attempt no longer holds it.

    Raises:
        HolderGoneError: ``holder`` no longer holds the content; nothing was changed.
    """
    return await _change_beside(holder, file, arrow_to(Status.DUPLICATE, held_by), changes)


async def become_name(file: File, holder: File, **changes: Any) -> File | None:
    """Set ``duplicate_of`` of a DUPLICATE to the file that holds its content. Raises HolderGoneError."""
    return await _change_beside(holder, file, NAMES, changes)


async def restore_as_duplicate(file: File, holder: File, **changes: Any) -> File | None:
    """Undo the deletion of a file whose content ``holder`` holds. Raises HolderGoneError."""
    stored = {"status": {"$in": [Status.COMPLETED.value, Status.DUPLICATE.value]}, **TRASH}
    return await _change_beside(holder, file, stored, {**changes, "deleted_at": None})


async def _change_beside(
    holder: File, file: File, expected: Mapping[str, Any], changes: Mapping[str, Any]
) -> File | None:
    changes = {**changes, "status": Status.DUPLICATE, "duplicate_of": holder.id}

    async def both(session: Any) -> File | None:
        await touch(holder, session)
        return await change_and_release(file, expected, changes, session)

    return await in_owner_transaction(file.owner, both)


async def touch(holder: File, session: Any) -> None:
    """Write to the holder in a transaction that adds a name. Raises HolderGoneError."""
    touched = await files_collection().update_one(
        {**identity(holder), **HOLDER}, {"$currentDate": {"duplicated_at": True}}, session=session
    )
    if not touched.matched_count:
        raise HolderGoneError


async def _find_name(
    holder: File, folder: str | None, name: str, content_type: str, session: Any = None
) -> File | None:
    place = {"folder": folder, "name": name, "content_type": content_type}
    return await find_one({**content_of(holder), **NAMES, **place}, session)


def content_of(file: File) -> dict[str, Any]:
    """Return the condition for all names of a file's content."""
    return {"owner": file.owner, "sha256": file.sha256}
