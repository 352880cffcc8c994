"""Transactions of an owner: one at a time in each process, and with a timeout."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import pymongo
from pymongo import WriteConcern
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo.connection import ANSWER_TIMEOUT_MS, files_collection
from waybill.platform.mongo.errors import is_outage, map_driver_errors
from waybill.platform.mongo.primaries import confirm_majority

#: How often a transaction that conflicts with another is tried, and seconds of the first and the longest
#: pause.
TRANSACTION_ATTEMPTS = 10
FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.2

_READ_CONCERN = ReadConcern("majority")
_WRITE_CONCERN = WriteConcern("majority", j=True)

T = TypeVar("T")

# Transactions of one owner conflict with each other. Those of one process wait here, which costs MongoDB
# nothing.
_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

# The event loop keeps only weak references to tasks.
_ending_tasks: set[asyncio.Task[None]] = set()


async def in_owner_transaction(
    owner: str, body: Callable[[Any], Awaitable[T]], within: float = ANSWER_TIMEOUT_MS / 1000
) -> T:
    """Run ``body(session)`` in a transaction, after earlier ones of this owner in this process.

    ``body`` may run several times. Its result or exception depends only on state that a majority has.

    Args:
        within: seconds to wait for earlier transactions, and then again seconds for this one.

    Raises:
        ServiceUnavailable: it did not begin or commit in time. The commit may have succeeded.
    """
    lock = _locks.setdefault(owner, asyncio.Lock())
    with map_driver_errors():
        try:
            return await _attempt_repeatedly(lock, body, within)
        except Exception as error:
            # The exception may depend on state that only this member has, so confirm it first.
            is_unavailable = isinstance(error, PyMongoError) and is_outage(error)
            if not (is_unavailable or isinstance(error, ServiceUnavailable)):
                await confirm_majority(files_collection(), owner)
            raise


async def _attempt_repeatedly(lock: asyncio.Lock, body: Callable[[Any], Awaitable[T]], within: float) -> T:
    # Not the driver's with_transaction, which retries for two minutes without a pause and ignores the
    # timeout.
    clock = asyncio.get_running_loop().time
    await _acquire(lock, clock() + within)
    deadline = clock() + within
    with pymongo.timeout(within):
        attempt = 0
        while True:
            try:
                return await _attempt(body)
            except PyMongoError as error:
                pause = random.uniform(0, min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS))  # noqa: S311
                attempt += 1
                is_over = attempt == TRANSACTION_ATTEMPTS or clock() + pause >= deadline
                if is_over or not error.has_error_label("TransientTransactionError"):
                    raise
            finally:
                lock.release()
            # Without the lock: a killed process leaves documents locked for a minute or more, and the owner's
            # transactions that do not write to them go on.
            await asyncio.sleep(pause)
            await _acquire(lock, deadline)


async def _acquire(lock: asyncio.Lock, deadline: float) -> None:
    try:
        async with asyncio.timeout_at(deadline):
            await lock.acquire()
    except TimeoutError:
        raise ServiceUnavailable("MongoDB") from None


async def _attempt(body: Callable[[Any], Awaitable[T]]) -> T:
    session = await files_collection().database.client.start_session()
    is_commit_unknown = False
    try:
        session.start_transaction(_READ_CONCERN, _WRITE_CONCERN)
        done = await body(session)
        is_commit_unknown = True
        # After reads only, MongoDB waits until a majority has the state that was read.
        await session.commit_transaction()
        is_commit_unknown = False
        return done
    finally:
        # A transaction that is neither committed nor aborted locks its documents for a minute. Sent without
        # the timeout, which may have passed. No caller waits for it.
        ending = asyncio.create_task(_end(session, commit=is_commit_unknown), context=Context())
        _ending_tasks.add(ending)
        ending.add_done_callback(_ending_tasks.discard)


async def _end(session: Any, *, commit: bool) -> None:
    with suppress(PyMongoError):
        if commit:
            await session.commit_transaction()
    # Aborts the transaction, unless it was committed.
    await session.end_session()
