"""What is to be different of a file."""

import strawberry

from api.graphql.metadata import MetadataChange, given_pairs


@strawberry.input(description="What is to be different. What is not given stays.")
class UpdateFileInput:
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="The file's name, which cannot be null."
    )
    content_type: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The media type that downloads have; null stands for application/octet-stream.",
    )
    folder: str | None = strawberry.field(
        default=strawberry.UNSET, description="The folder; null stands for the top."
    )
    metadata: list[MetadataChange] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Pairs to set or to remove; all others stay. Null removes all pairs.",
    )

    def fields(self) -> dict[str, object]:
        """Return what was given, by the names that both protocols have in common."""
        given = {
            "name": self.name,
            "contentType": self.content_type,
            "folder": self.folder,
            "metadata": given_pairs(self.metadata),
        }
        return {name: value for name, value in given.items() if value is not strawberry.UNSET}
