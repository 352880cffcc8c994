"""Insert files and find them."""

from collections.abc import Collection, Mapping
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from pymongo.errors import DuplicateKeyError

from waybill.files.lifecycle import FailureReason, Status
from waybill.files.model import File, FileId
from waybill.files.name_search import search_form
from waybill.files.usage.quota import charge
from waybill.platform.errors import FileNotFound
from waybill.platform.mongo.connection import files_collection
from waybill.platform.mongo.errors import map_driver_errors


def new_id() -> FileId:
    """Return an id for a file that is not stored yet."""
    return FileId()


class AlreadyThereError(Exception):
    """Raised when a file with this id exists."""


async def insert(file: File, quota: int | None = None) -> None:
    """Store a new file. With ``quota`` in bytes, only if the owner's files are within it then.

    Raises:
        AlreadyThereError: a file with this id exists; it was not changed.
        OverQuotaError: the quota has no room for the file; nothing was stored.
    """
    try:
        if quota is None:
            with map_driver_errors():
                await files_collection().insert_one(document_of(file))
        else:
            file.charged = True
            document = document_of(file)
            await charge(
                file, quota, lambda session: files_collection().insert_one(document, session=session)
            )
    except DuplicateKeyError as error:
        raise AlreadyThereError from error


async def find(file_id: str, owner: str | None = None) -> File:
    """Return the file with this id. With ``owner``, only if it belongs to that owner.

    Raises:
        FileNotFound: the id is malformed, unknown, or of another owner.
    """
    query: dict[str, Any] = {"_id": object_id(file_id)}
    if owner is not None:
        query["owner"] = owner
    with map_driver_errors():
        found = await files_collection().find_one(query)
    if found is None:
        raise FileNotFound(file_id)
    return file_of(found)


async def find_known(file_id: FileId) -> File | None:
    """Return the file with an id that ``new_id`` returned, or None if it was not stored."""
    with map_driver_errors():
        return await find_one({"_id": file_id})


async def find_one(query: Mapping[str, Any], session: Any = None, **options: Any) -> File | None:
    """Return a file that matches a query, or None. ``options`` are those of the driver's ``find_one``.

    It does not map the driver's errors, because a transaction is retried after some of them.
    """
    found = await files_collection().find_one(query, session=session, **options)
    return None if found is None else file_of(found)


async def find_by_keys(object_keys: Collection[str]) -> dict[str, File]:
    """Return the files of some objects by object key. Unknown keys are left out."""
    with map_driver_errors():
        found = await files_collection().find({"object_key": {"$in": list(object_keys)}}).to_list(None)
    return {document["object_key"]: file_of(document) for document in found}


async def find_own(owner: str, file_ids: Collection[str]) -> dict[str, File]:
    """Return the owner's files with these ids, by id. Raises FileNotFound if an id is malformed."""
    query = {"_id": {"$in": [object_id(file_id) for file_id in file_ids]}, "owner": owner}
    with map_driver_errors():
        found = await files_collection().find(query).limit(len(file_ids)).to_list(len(file_ids))
    return {str(document["_id"]): file_of(document) for document in found}


async def has_files() -> bool:
    """Return whether the database has any file."""
    with map_driver_errors():
        return await files_collection().find_one({}, {"_id": 1}) is not None


def is_file_id(text: str) -> bool:
    """Return whether a text has the form of an id."""
    return ObjectId.is_valid(text)


def object_id(file_id: str) -> ObjectId:
    """Return the id that a text encodes. Raises FileNotFound if it is malformed."""
    try:
        return ObjectId(file_id)
    except (InvalidId, TypeError):
        raise FileNotFound(file_id) from None


def document_of(file: File) -> dict[str, Any]:
    """Return the stored form of a file. None is stored as a missing field."""
    fields = {name: value for name, value in file if value is not None}
    fields["name_search"] = search_form(file.name)
    return {"_id": fields.pop("id"), **fields, "status": file.status.value, "unsummed": True}


_DEFAULTS = {name: field.default for name, field in File.model_fields.items() if not field.is_required()}


def file_of(document: Mapping[str, Any]) -> File:
    """Return a file from its stored form.

    Without validation, because we wrote it. Beanie's validation takes six times as long for each file of a
    list.
    """
    values = {**_DEFAULTS, **document}
    values["id"] = values.pop("_id")
    values["status"] = Status(values["status"])
    if values["failure_reason"] is not None:
        values["failure_reason"] = FailureReason(values["failure_reason"])
    file = File.__new__(File)
    # The same attributes as Pydantic's model_construct sets, without its loop over the fields.
    object.__setattr__(file, "__dict__", values)
    object.__setattr__(file, "__pydantic_fields_set__", set(document))
    object.__setattr__(file, "__pydantic_extra__", None)
    object.__setattr__(file, "__pydantic_private__", None)
    return file
