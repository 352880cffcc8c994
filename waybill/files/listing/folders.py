"""List the folders in a folder. A folder exists if it, or a folder below it, holds a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pymongo
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from waybill.files.folder import Folder, check_folder, end_of
from waybill.files.listing.list_files import MAX_PAGE_FILES
from waybill.platform.cursor import decode_cursor, encode_cursor
from waybill.platform.errors import InvalidInput
from waybill.platform.mongo.connection import files_collection
from waybill.platform.mongo.errors import map_driver_errors
from waybill.platform.principal import Principal, is_storable


class FolderListing(BaseModel):
    """The parameters of a list of folders."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    folder: Folder = Field(
        default="",
        description="The folder whose folders are listed. If not given, the top folder, which is empty.",
    )
    limit: int = Field(default=20, ge=1, le=MAX_PAGE_FILES, description="The most folders per page.")
    cursor: str | None = Field(
        default=None,
        description="`nextCursor` of the previous page, unchanged, with the same `folder`.",
        json_schema_extra={"minLength": 1},
    )


@dataclass(frozen=True, slots=True)
class FolderPage:
    """Some folders, as whole paths, in the order of their code points; ``has_more`` if others follow."""

    folders: Sequence[str]
    has_more: bool

    @property
    def next_cursor(self) -> str | None:
        """Return the cursor of the next page, or None on the last page."""
        return cursor_of(self.folders[-1]) if self.has_more else None


def cursor_of(folder: str) -> str:
    """Return the cursor of a folder in its list."""
    return encode_cursor(["folder", folder])


async def list_folders(principal: Principal, listing: FolderListing) -> FolderPage:
    """Return a page of the folders directly in a folder, in which, or below which, there is a file.

    Each folder costs one look-up in the index, however many files it holds.

    Raises:
        InvalidInput: the cursor is not one of this list.
        ServiceUnavailable: MongoDB does not answer.
    """
    parent = listing.folder
    after = None if listing.cursor is None else _folder_of(listing.cursor, parent)
    folders: list[str] = []
    beyond = {"$gt": parent} if after is None else {"$gte": end_of(after)}
    while len(folders) <= listing.limit:
        found = await _first_folder(principal.owner, beyond | ({"$lt": end_of(parent)} if parent else {}))
        if found is None:
            break
        folder = parent + found[len(parent) :].partition("/")[0] + "/"
        folders.append(folder)
        beyond = {"$gte": end_of(folder)}
    return FolderPage(folders[: listing.limit], len(folders) > listing.limit)


async def _first_folder(owner: str, condition: dict[str, Any]) -> str | None:
    query = files_collection().find({"owner": owner, "deleted_at": None, "folder": condition}, {"folder": 1})
    query = query.sort([("folder", pymongo.ASCENDING)]).hint("newest_in_folder").limit(1)
    with map_driver_errors():
        found = await query.to_list(1)
    return found[0]["folder"] if found else None


def _folder_of(cursor: str, parent: str) -> str:
    match decode_cursor(cursor):
        case ["folder", str(folder)] if folder and is_storable(folder) and _is_in(folder, parent):
            return folder
    raise InvalidInput({"cursor": "is not a cursor of this list; use the last page's, with the same folder"})


def _is_in(folder: str, parent: str) -> bool:
    try:
        check_folder(folder)
    except ValueError:
        return False
    return folder.startswith(parent) and folder.count("/") == parent.count("/") + 1
