"""Several things at once."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any


async def together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at once; where one fails the others are stopped, and its error is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
