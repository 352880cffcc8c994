"""The input of an update of a file."""

import strawberry

from api.graphql.metadata import MetadataChange, given_pairs


@strawberry.input(description="The changes of a file. A field that is not given stays.")
class UpdateFileInput:
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="The file's name, which cannot be null."
    )
    content_type: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The media type of downloads. null sets application/octet-stream.",
    )
    folder: str | None = strawberry.field(
        default=strawberry.UNSET, description="The folder. null sets the top folder."
    )
    metadata: list[MetadataChange] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Pairs to set or to remove. Other pairs stay. null removes all pairs.",
    )

    def fields(self) -> dict[str, object]:
        """Return the given fields, by the names that REST and GraphQL share."""
        given = {
            "name": self.name,
            "contentType": self.content_type,
            "folder": self.folder,
            "metadata": given_pairs(self.metadata),
        }
        return {name: value for name, value in given.items() if value is not strawberry.UNSET}
