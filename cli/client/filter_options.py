"""The filter options that `ls`, `get` and `rm` share."""

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from cli.client.options import (
    After,
    Before,
    ContentType,
    Exclude,
    Include,
    MaxSize,
    Metadata,
    MinSize,
    Name,
    Statuses,
)

if TYPE_CHECKING:
    from cli.client.choice import Choice


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Replace a command's parameter ``choice`` by the options of ``_read``.

    Typer reads the options of a command from its signature, so the signature is composed here.
    """
    options = inspect.signature(_read).parameters
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        parameters += options.values() if parameter.name == "choice" else [parameter]

    def run(**given: object) -> None:
        filters = {name: given.pop(name) for name in options}
        command(choice=_read(**filters), **given)  # type: ignore[arg-type]  # Typer has checked them

    functools.update_wrapper(run, command)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _read(
    *,
    name: Name = None,
    status: Statuses = None,
    content_type: ContentType = None,
    after: After = None,
    before: Before = None,
    metadata: Metadata = None,
    min_size: MinSize = None,
    max_size: MaxSize = None,
    include: Include = None,
    exclude: Exclude = None,
) -> "Choice":
    from cli.client.choice import Choice, Patterns, parsed, read_metadata
    from cli.client.formatting import parse_size, parse_time
    from waybill.client.listing import Filters

    filters = Filters(
        name=name,
        status=status or (),
        content_type=content_type,
        created_after=parsed(parse_time, after, "--after"),
        created_before=parsed(parse_time, before, "--before"),
        metadata=read_metadata(metadata),
        min_size=parsed(parse_size, min_size, "--min-size"),
        max_size=parsed(parse_size, max_size, "--max-size"),
    )
    return Choice(None, filters, Patterns(include or (), exclude or ()))
