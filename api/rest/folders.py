"""The REST operations on folders: parse, call, render."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.rest.operation import Paths, json_answer, operation
from api.rest.schemas import QuerySchema
from waybill.files.file_json import Schema
from waybill.files.listing import folders
from waybill.files.listing.folders import FolderListing, list_folders
from waybill.platform.principal import Principal


class FoldersQuery(QuerySchema, FolderListing):
    """The parameters of a list of folders."""


class Folder(Schema):
    """A folder. It exists while there is an undeleted file in it or in a folder below it."""

    folder: str = Field(description="The full path.", examples=["photos/2026/"])


class FolderPage(Schema):
    """Some folders, sorted by code points."""

    items: Sequence[Folder]
    next_cursor: str | None = Field(description="The cursor of the next page; null on the last page only.")

    @classmethod
    def of(cls, page: folders.FolderPage) -> Self:
        """Return the JSON model of a page."""
        return cls(items=[Folder(folder=each) for each in page.folders], next_cursor=page.next_cursor)


@operation("listFolders", query=FoldersQuery, answers={200: FolderPage}, errors=("invalid_input",))
async def list_many(request: Request, principal: Principal, query: FoldersQuery) -> Response:
    """List the folders that are directly in a folder."""
    return json_answer(FolderPage.of(await list_folders(principal, query)))


FOLDER_PATHS: Paths = {"/folders": {"GET": list_many}}
