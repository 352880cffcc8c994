"""The changes of files, told to all in this process who follow them. One stream of MongoDB's for all."""

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

#: Seconds without a change after which a position is told alone: to prove that the line stands, and so that
#: whoever comes back does so from not long ago.
HEARTBEAT_SECONDS = 15

#: Changes that may wait for a subscriber who reads slowly. Past it they are cut off, and may go on from where
#: they were.
MAX_WAITING_CHANGES = 1000

#: Subscribers at a time who read what they have missed, how many of one owner, and seconds that each may wait
#: for a turn and search the log.
MAX_CATCHING_UP = 8
MAX_CATCHING_UP_OF_OWNER = 4
CATCH_UP_SECONDS = 10

#: Subscribers of one process. An owner's own limit is ``WAYBILL_OWNER_SUBSCRIPTIONS``.
MAX_SUBSCRIBERS = 10_000

#: Changes that are passed on in one go. Then requests of others have their turn: neither a change that waits
#: nor a socket with room in its buffer lets the event loop run.
BURST_CHANGES = 20

#: How far beyond this process another may be whose position a subscriber brings: a minute, as a moment.
MAX_AHEAD = 60 << 32

#: Seconds until MongoDB is asked again that was away.
PAUSE_SECONDS = 1

log = structlog.get_logger(__name__)


class _Subscriber:
    """What waits to be told to one of them."""

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
    """Reads the feed while anybody follows, and tells each subscriber of their owner's files."""

    def __init__(self, owner_limit: int) -> None:
        self._owner_limit = owner_limit
        self._subscribers: dict[str, set[_Subscriber]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._begun: asyncio.Future[None] | None = None
        # Where the reader is: whatever is later, the subscribers of now are told.
        self._here = ""
        self._catching_up = asyncio.Semaphore(MAX_CATCHING_UP)
        self._catching_up_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._is_over = False

    async def follow(self, owner: str, after: str | None = None) -> AsyncGenerator[Change | str, None]:
        """An owner's changes from now or from after a position; positions alone at the start and in silence.

        From now on nothing is left out: a subscriber who is cut off, with this process or by being slow, goes
        on after the last position that they were told. Ends where they are to do so.

        Raises:
            HistoryLostError: what came after the position is not known any more.
            TooManySubscriptions: the owner has as many as one process serves.
            ServiceUnavailable: MongoDB is away, or this process serves as many subscribers as it can.
        """
        if len(self._subscribers.get(owner, ())) >= self._owner_limit:
            raise TooManySubscriptions(self._owner_limit)
        if self.subscribers >= MAX_SUBSCRIBERS:
            raise ServiceUnavailable("The feed of changes")
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
            # What comes meanwhile waits with the subscriber. One who is ahead is told nothing twice, for the
            # same is asked of MongoDB: whether it was ever there.
            is_behind = after != here
            while is_behind and not self._is_over:
                missed, is_behind = await self._missed(owner, after, here)
                for number, change in enumerate(missed, 1):
                    after = change.position
                    yield change
                    if number % BURST_CHANGES == 0:
                        await asyncio.sleep(0)
            async with aclosing(self._published(subscriber, after)) as told:
                async for each in told:
                    yield each
        finally:
            self._leave(owner, subscriber)

    async def _published(self, subscriber: _Subscriber, after: str) -> AsyncGenerator[Change | str, None]:
        told = 0
        while True:
            while subscriber.waiting:
                change = subscriber.waiting.popleft()
                # The position may have come from another process, whose reader is ahead of ours.
                if change.position > after:
                    yield change
                told += 1
                if told % BURST_CHANGES == 0:
                    await asyncio.sleep(0)
            if subscriber.is_over or self._is_over:
                return
            subscriber.arrived.clear()
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await subscriber.arrived.wait()
            except TimeoutError:
                # What came in this very moment is told first, for the position is beyond it.
                if not subscriber.waiting and not subscriber.is_over:
                    yield max(after, self._here)

    async def _missed(self, owner: str, after: str, here: str) -> tuple[list[Change], bool]:
        """Some of the changes from after a position up to ``here``, and whether there may be more."""
        missed: list[Change] = []
        catching_up_of_owner = self._catching_up_of.setdefault(
            owner, asyncio.Semaphore(MAX_CATCHING_UP_OF_OWNER)
        )
        has_turn = False
        with suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_SECONDS), catching_up_of_owner, self._catching_up:
                has_turn = True
                async with aclosing(change_stream.watch(after, owner)) as feed:
                    async for each in feed:
                        if isinstance(each, str):
                            if change_stream.covers(each, here):
                                return missed, False
                        elif each.position > here:
                            # It waits with the subscriber.
                            return missed, False
                        else:
                            missed.append(each)
                            if len(missed) >= MAX_WAITING_CHANGES:
                                break
        if not has_turn:
            raise ServiceUnavailable("The feed of changes")
        if not missed:
            # So long ago that it takes too long to look for.
            raise HistoryLostError
        return missed, True

    async def _begin(self) -> None:
        if self._reading is None or self._reading.done():
            # Fails sooner than the feed does, which is more patient.
            await connection.database_time()
        if self._reading is None or self._reading.done():
            self._begun = asyncio.get_running_loop().create_future()
            # It is of no one subscriber: not in the logs of the first one's request, and in no trace.
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
                        self._here = after = each if isinstance(each, str) else each.position
                        if not begun.done():
                            begun.set_result(None)
                        if isinstance(each, Change):
                            for subscriber in self._subscribers.get(each.file.owner, ()):
                                subscriber.publish(each)
            except HistoryLostError:
                log.warning("changes lost, MongoDB was away for longer than it remembers")
                self._end_all()
                if not begun.done():
                    begun.set_result(None)  # they are over, all the same
                return
            except Exception as error:
                if not begun.done():
                    begun.set_exception(error)
                    begun.exception()  # seen, even where nobody waits for it any more
                    return
                log.warning("changes wait", error=str(error))
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
        """Have all subscribers leave: this process stops."""
        self._is_over = True
        self._end_all()

    @property
    def subscribers(self) -> int:
        """How many follow."""
        return sum(map(len, self._subscribers.values()))


@asynccontextmanager
async def open_broadcaster(owner_limit: int) -> AsyncIterator[Broadcaster]:
    """The changes, for as long as the context lasts; each owner may have so many subscribers at a time."""
    broadcaster = Broadcaster(owner_limit)
    try:
        yield broadcaster
    finally:
        broadcaster.stop()
