"""Storing and finding files."""

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
    """An id for a file that is not stored yet."""
    return FileId()


class AlreadyThereError(Exception):
    """Raised when a file of that id is stored already."""


async def insert(file: File, quota: int | None = None) -> None:
    """Store a new file; with ``quota``, if its owner's files are within so many bytes then.

    Raises:
        AlreadyThereError: a file of that id is stored already, and was not changed.
        OverQuotaError: the file does not fit; nothing was stored.
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
    """The file of that id; with ``owner``, only if it is that owner's.

    Raises:
        FileNotFound: malformed, unknown and foreign ids alike.
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
    """The file of an id that we made, if it was stored."""
    with map_driver_errors():
        return await find_one({"_id": file_id})


async def find_one(query: Mapping[str, Any], session: Any = None, **options: Any) -> File | None:
    """Return a file that matches a query, or None. ``options`` are those of the driver's ``find_one``.

    It does not map the driver's errors, because a transaction repeats after some of them.
    """
    found = await files_collection().find_one(query, session=session, **options)
    return None if found is None else file_of(found)


async def find_by_keys(object_keys: Collection[str]) -> dict[str, File]:
    """Return the files that those objects belong to, by object key; unknown keys are left out."""
    with map_driver_errors():
        found = await files_collection().find({"object_key": {"$in": list(object_keys)}}).to_list(None)
    return {document["object_key"]: file_of(document) for document in found}


async def find_own(owner: str, file_ids: Collection[str]) -> dict[str, File]:
    """The owner's files of those ids, by id. Raises FileNotFound where one of them is none."""
    query = {"_id": {"$in": [object_id(file_id) for file_id in file_ids]}, "owner": owner}
    with map_driver_errors():
        found = await files_collection().find(query).limit(len(file_ids)).to_list(len(file_ids))
    return {str(document["_id"]): file_of(document) for document in found}


async def has_files() -> bool:
    """Whether the database has a file at all."""
    with map_driver_errors():
        return await files_collection().find_one({}, {"_id": 1}) is not None


def is_file_id(text: str) -> bool:
    """Whether a text has the form of an id."""
    return ObjectId.is_valid(text)


def object_id(file_id: str) -> ObjectId:
    """The id that a text stands for. Raises FileNotFound where it is none."""
    try:
        return ObjectId(file_id)
    except (InvalidId, TypeError):
        raise FileNotFound(file_id) from None


def document_of(file: File) -> dict[str, Any]:
    """A file as MongoDB keeps it: what has no value has no field."""
    kept = {name: value for name, value in file if value is not None}
    kept["name_search"] = search_form(file.name)
    return {"_id": kept.pop("id"), **kept, "status": file.status.value, "unsummed": True}


_DEFAULTS = {name: field.default for name, field in File.model_fields.items() if not field.is_required()}


def file_of(document: Mapping[str, Any]) -> File:
    """A document as MongoDB keeps it, as a file.

    Not validated, for we wrote it: with Beanie's rounds that takes six times as long for each file of a list.
    """
    values = {**_DEFAULTS, **document}
    values["id"] = values.pop("_id")
    values["status"] = Status(values["status"])
    if values["failure_reason"] is not None:
        values["failure_reason"] = FailureReason(values["failure_reason"])
    file = File.__new__(File)
    # What Pydantic's own model_construct sets, which looks at each field by itself.
    object.__setattr__(file, "__dict__", values)
    object.__setattr__(file, "__pydantic_fields_set__", set(document))
    object.__setattr__(file, "__pydantic_extra__", None)
    object.__setattr__(file, "__pydantic_private__", None)
    return file
