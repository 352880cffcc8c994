"""References out of what they refer to. Each module renders one as Markdown, and knows no site."""

from collections.abc import Callable, Mapping

from docs.generators import commands, errors, indexes, lifecycle, rest, schema, settings

#: What `<!-- generated: NAME -->` in a page stands for.
GENERATORS: Mapping[str, Callable[[], str]] = {
    "commands": commands.render,
    "errors": errors.render,
    "graphql": schema.render,
    "indexes": indexes.render,
    "lifecycle": lifecycle.render,
    "rest": rest.render,
    "settings": settings.render,
}
