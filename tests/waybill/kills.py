"""A process that dies before or after one of its writes."""

import itertools
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorCollection

WRITES = ("find_one_and_update", "update_one", "update_many", "insert_one")


class KilledError(BaseException):
    """Nothing catches it, as nothing does a kill."""


def killed_at(patch: pytest.MonkeyPatch, moment: int) -> None:
    """Die at that moment: before the first write, after it, before the second, and so on."""
    moments = itertools.count()

    def crashing(method: Any) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if next(moments) == moment:
                raise KilledError
            done = await method(*args, **kwargs)
            if next(moments) == moment:
                raise KilledError
            return done

        return call

    for name in WRITES:
        patch.setattr(AsyncIOMotorCollection, name, crashing(getattr(AsyncIOMotorCollection, name)))
    commit = "commit_transaction"
    patch.setattr(AsyncIOMotorClientSession, commit, crashing(getattr(AsyncIOMotorClientSession, commit)))
