"""Broadcast changes of files to the subscribers of this process, from one change stream."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from contextvars import Context
from weakref import WeakValueDictionary

import structlog

from waybill.events import change_stream
from waybill.events.change_stream import Change, HistoryLostError
from waybill.platform.errors import ServiceUnavailable, TooManySubscriptions
from waybill.platform.metrics import SUBSCRIBERS
from waybill.platform.mongo import connection

#: Seconds without a change after which a subscriber receives only a resume token. It proves that the
#: connection works, and a client that reconnects resumes from a recent resume token.
HEARTBEAT_SECONDS = 15

#: The most changes that wait for a slow subscriber. Beyond that the subscription ends, and the client can
#: resume from its last resume token.
MAX_WAITING_CHANGES = 1000

#: The most subscribers that read missed changes in parallel: of all owners, and of one. Seconds for the wait
#: and the search of the oplog together.
MAX_CATCHING_UP = 8
MAX_CATCHING_UP_OF_OWNER = 4
CATCH_UP_SECONDS = 10

#: The most subscribers of one process. The limit of an owner is ``WAYBILL_OWNER_SUBSCRIPTIONS``.
MAX_SUBSCRIBERS = 10_000

#: Changes that are published before the event loop runs other tasks. Neither a waiting change nor a socket
#: with room in its buffer yields to the loop.
BURST_CHANGES = 20

#: How far a subscriber's resume token, from another process, may be ahead of this one: a minute, as cluster
#: time.
MAX_AHEAD = 60 << 32

#: Seconds between two attempts to open the change stream.
PAUSE_SECONDS = 1

log = structlog.get_logger(__name__)


class _Subscriber:
    """The changes that wait for one subscriber."""

    __slots__ = ("arrived", "is_over", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Change] = deque()
        self.arrived = asyncio.Event()
        self.is_over = False

    def publish(self, change: Change) -> None:
        if len(self.waiting) >= MAX_WAITING_CHANGES:
            self.waiting.clear()
            self.end()
        elif not self.is_over:
            self.waiting.append(change)
            self.arrived.set()

    def end(self) -> None:
        self.is_over = True
        self.arrived.set()


class Broadcaster:
    """Reads the change stream while there are subscribers. Each receives the changes of its owner's files."""

    def __init__(self, owner_limit: int) -> None:
        self._owner_limit = owner_limit
        self._subscribers: dict[str, set[_Subscriber]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._begun: asyncio.Future[None] | None = None
        # The reader's resume token. The current subscribers receive all later changes.
        self._here = ""
        self._catching_up = asyncio.Semaphore(MAX_CATCHING_UP)
        self._catching_up_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._is_over = False

    async def subscribe(self, owner: str, after: str | None = None) -> AsyncGenerator[Change | str, None]:
        """Yield an owner's changes from now or after a resume token.

        Yields a resume token without a change at the start and as a heartbeat. No change is lost: a client
        that was disconnected resumes after its last resume token. Ends if this process stops or the client is
        too slow.

        Raises:
            HistoryLostError: the resume token is too old, or is not valid.
            TooManySubscriptions: the owner has ``owner_limit`` subscriptions at this process.
            ServiceUnavailable: MongoDB is unavailable, or this process has ``MAX_SUBSCRIBERS``.
        """
        if len(self._subscribers.get(owner, ())) >= self._owner_limit:
            raise TooManySubscriptions(self._owner_limit)
        if self.subscribers >= MAX_SUBSCRIBERS:
            raise ServiceUnavailable("The stream of changes")
        subscriber = _Subscriber()
        self._subscribers.setdefault(owner, set()).add(subscriber)
        SUBSCRIBERS.inc()
        try:
            await self._begin()
            here = self._here
            if after is None:
                after = here
                yield here
            elif change_stream.cluster_time_of(after) > change_stream.cluster_time_of(here) + MAX_AHEAD:
                raise HistoryLostError
            # Changes that arrive meanwhile wait in the subscriber's queue. Also read if the resume token is
            # ahead of this process, because it may be invented.
            is_behind = after != here
            while is_behind and not self._is_over:
                missed, is_behind = await self._missed(owner, after, here)
                for number, change in enumerate(missed, 1):
                    after = change.resume_token
                    yield change
                    if number % BURST_CHANGES == 0:
                        await asyncio.sleep(0)
            async with aclosing(self._published(subscriber, after)) as published:
                async for each in published:
                    yield each
        finally:
            self._leave(owner, subscriber)

    async def _published(self, subscriber: _Subscriber, after: str) -> AsyncGenerator[Change | str, None]:
        published = 0
        while True:
            while subscriber.waiting:
                change = subscriber.waiting.popleft()
                # The resume token may have come from another process, whose reader is ahead of ours.
                if change.resume_token > after:
                    yield change
                published += 1
                if published % BURST_CHANGES == 0:
                    await asyncio.sleep(0)
            if subscriber.is_over or self._is_over:
                return
            subscriber.arrived.clear()
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await subscriber.arrived.wait()
            except TimeoutError:
                # Not if a change has just arrived, because the resume token may be after it.
                if not subscriber.waiting and not subscriber.is_over:
                    yield max(after, self._here)

    async def _missed(self, owner: str, after: str, here: str) -> tuple[list[Change], bool]:
        """Return changes after a resume token, up to ``here``, and whether there may be more of them."""
        missed: list[Change] = []
        catching_up_of_owner = self._catching_up_of.setdefault(
            owner, asyncio.Semaphore(MAX_CATCHING_UP_OF_OWNER)
        )
        has_slot = False
        with suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_SECONDS), catching_up_of_owner, self._catching_up:
                has_slot = True
                async with aclosing(change_stream.watch(after, owner)) as feed:
                    async for each in feed:
                        if isinstance(each, str):
                            if change_stream.covers(each, here):
                                return missed, False
                        elif each.resume_token > here:
                            # It waits in the subscriber's queue.
                            return missed, False
                        else:
                            missed.append(each)
                            if len(missed) >= MAX_WAITING_CHANGES:
                                break
        if not has_slot:
            raise ServiceUnavailable("The stream of changes")
        if not missed:
            # The resume token is so old that the search takes too long.
            raise HistoryLostError
        return missed, True

    async def _begin(self) -> None:
        if self._reading is None or self._reading.done():
            # Fails earlier than the change stream, whose timeout is longer.
            await connection.database_time()
        if self._reading is None or self._reading.done():
            self._begun = asyncio.get_running_loop().create_future()
            # Without the context of the first subscriber's request, its log fields and its trace.
            self._reading = asyncio.create_task(
                self._read(self._begun), name="broadcaster", context=Context()
            )
        assert self._begun is not None  # noqa: S101  # made with the reader
        await asyncio.shield(self._begun)

    async def _read(self, begun: asyncio.Future[None]) -> None:
        after: str | None = None
        read = 0
        while True:
            try:
                async with aclosing(change_stream.watch(after)) as feed:
                    async for each in feed:
                        read += 1
                        if read % BURST_CHANGES == 0:
                            await asyncio.sleep(0)
                        self._here = after = each if isinstance(each, str) else each.resume_token
                        if not begun.done():
                            begun.set_result(None)
                        if isinstance(each, Change):
                            for subscriber in self._subscribers.get(each.file.owner, ()):
                                subscriber.publish(each)
            except HistoryLostError:
                log.warning("changes lost: mongodb was unavailable for longer than its oplog lasts")
                self._end_all()
                if not begun.done():
                    begun.set_result(None)  # the subscribers have ended
                return
            except Exception as error:
                if not begun.done():
                    begun.set_exception(error)
                    begun.exception()  # retrieved, or asyncio logs it
                    return
                log.warning("change stream interrupted", error=str(error))
                await asyncio.sleep(PAUSE_SECONDS)

    def _leave(self, owner: str, subscriber: _Subscriber) -> None:
        SUBSCRIBERS.dec()
        subscribers = self._subscribers[owner]
        subscribers.discard(subscriber)
        if not subscribers:
            del self._subscribers[owner]
        if not self._subscribers and self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _end_all(self) -> None:
        for subscribers in self._subscribers.values():
            for subscriber in subscribers:
                subscriber.end()

    def stop(self) -> None:
        """End all subscriptions, because this process stops."""
        self._is_over = True
        self._end_all()

    @property
    def subscribers(self) -> int:
        """Return the number of subscribers."""
        return sum(map(len, self._subscribers.values()))


@asynccontextmanager
async def open_broadcaster(owner_limit: int) -> AsyncIterator[Broadcaster]:
    """Yield a broadcaster that allows each owner ``owner_limit`` subscriptions at a time."""
    broadcaster = Broadcaster(owner_limit)
    try:
        yield broadcaster
    finally:
        broadcaster.stop()
