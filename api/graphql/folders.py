"""Folders: the types, and the query."""

from collections.abc import Sequence
from typing import Annotated, Self

import strawberry
from strawberry.relay import PageInfo

from api.graphql.context import Info
from api.graphql.lists import page_info, parse_listing
from waybill.files.listing.folders import FolderListing, FolderPage, cursor_of, list_folders


@strawberry.type(
    description="A folder. It exists while there is an undeleted file in it or in a folder below it."
)
class Folder:
    folder: str = strawberry.field(description="The full path.")


@strawberry.type(description="A folder and its cursor.")
class FolderEdge:
    node: Folder
    cursor: str


@strawberry.type(description="Some folders of a list (Relay connection), sorted by code points.")
class FolderConnection:
    edges: Sequence[FolderEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: FolderPage, after: str | None) -> Self:
        edges = [FolderEdge(node=Folder(folder=each), cursor=cursor_of(each)) for each in page.folders]
        return cls(
            edges=edges,
            page_info=page_info(edges, after, has_more=page.has_more),
        )


@strawberry.type
class FolderQuery:
    @strawberry.field(description="The folders that are directly in a folder.")
    async def folders(
        self,
        info: Info,
        *,
        folder: Annotated[
            str | None, strawberry.argument(description="If not given, the top folder, which is empty.")
        ] = "",
        first: int | None = 20,
        after: str | None = strawberry.UNSET,
    ) -> FolderConnection:
        principal = await info.context.principal()
        given = {"folder": folder, "limit": first, "cursor": after}
        listing = parse_listing(FolderListing, given)
        return FolderConnection.of(await list_folders(principal, listing), listing.cursor)
