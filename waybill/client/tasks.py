"""Run coroutines at the same time."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any


async def run_all(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all coroutines. If one fails, cancel the others and raise its error."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
