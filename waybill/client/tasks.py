"""Run coroutines at the same time, or one after another."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

K = TypeVar("K")


async def run_all(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all coroutines. If one fails, cancel the others and raise its error."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


class Locks(Generic[K]):
    """One lock for each key, for as long as a task holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[K, asyncio.Lock] = WeakValueDictionary()

    def __getitem__(self, key: K) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())
