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
from waybill.platform.metrics import FOLLOWERS
from waybill.platform.mongo import connection

#: Seconds without a change after which a position is told alone: to prove that the line stands, and so that
#: whoever comes back does so from not long ago.
HEARTBEAT = 15

#: Changes that may wait for a follower who reads slowly. Past it they are cut off, and may go on from where
#: they were.
WAITING = 1000

#: Followers at a time who read what they have missed, how many of one owner, and seconds that each may wait
#: for a turn and search the log.
ABREAST = 8
ABREAST_OF_ONE = 4
SEARCHED_WITHIN = 10

#: Followers of one process. An owner's own limit is ``WAYBILL_OWNER_SUBSCRIPTIONS``.
MAX_FOLLOWERS = 10_000

#: Changes that are passed on in one go. Then requests of others have their turn: neither a change that waits
#: nor a socket with room in its buffer lets the event loop run.
BURST = 20

#: How far beyond this process another may be whose position a follower brings: a minute, as a moment.
AHEAD = 60 << 32

#: Seconds until MongoDB is asked again that was away.
PAUSE = 1

log = structlog.get_logger(__name__)


class _Follower:
    """What waits to be told to one of them."""

    __slots__ = ("arrived", "is_over", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Change] = deque()
        self.arrived = asyncio.Event()
        self.is_over = False

    def tell(self, change: Change) -> None:
        if len(self.waiting) >= WAITING:
            self.waiting.clear()
            self.end()
        elif not self.is_over:
            self.waiting.append(change)
            self.arrived.set()

    def end(self) -> None:
        self.is_over = True
        self.arrived.set()


class Live:
    """Reads the feed while anybody follows, and tells each follower of their owner's files."""

    def __init__(self, owner_limit: int) -> None:
        self._owner_limit = owner_limit
        self._followers: dict[str, set[_Follower]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._begun: asyncio.Future[None] | None = None
        # Where the reader is: whatever is later, the followers of now are told.
        self._here = ""
        self._turns = asyncio.Semaphore(ABREAST)
        self._turns_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._is_over = False

    async def follow(self, owner: str, after: str | None = None) -> AsyncGenerator[Change | str, None]:
        """An owner's changes from now or from after a position; positions alone at the start and in silence.

        From now on nothing is left out: a follower who is cut off, with this process or by being slow, goes
        on after the last position that they were told. Ends where they are to do so.

        Raises:
            HistoryLostError: what came after the position is not known any more.
            TooManySubscriptions: the owner has as many as one process serves.
            ServiceUnavailable: MongoDB is away, or this process serves as many followers as it can.
        """
        if len(self._followers.get(owner, ())) >= self._owner_limit:
            raise TooManySubscriptions(self._owner_limit)
        if self.followers >= MAX_FOLLOWERS:
            raise ServiceUnavailable("The feed of changes")
        follower = _Follower()
        self._followers.setdefault(owner, set()).add(follower)
        FOLLOWERS.inc()
        try:
            await self._begin()
            here = self._here
            if after is None:
                after = here
                yield here
            elif change_stream.moment_of(after) > change_stream.moment_of(here) + AHEAD:
                raise HistoryLostError
            # What comes meanwhile waits with the follower. One who is ahead is told nothing twice, for the
            # same is asked of MongoDB: whether it was ever there.
            is_behind = after != here
            while is_behind and not self._is_over:
                missed, is_behind = await self._missed(owner, after, here)
                for number, change in enumerate(missed, 1):
                    after = change.position
                    yield change
                    if number % BURST == 0:
                        await asyncio.sleep(0)
            async with aclosing(self._told(follower, after)) as told:
                async for each in told:
                    yield each
        finally:
            self._leave(owner, follower)

    async def _told(self, follower: _Follower, after: str) -> AsyncGenerator[Change | str, None]:
        told = 0
        while True:
            while follower.waiting:
                change = follower.waiting.popleft()
                # The position may have come from another process, whose reader is ahead of ours.
                if change.position > after:
                    yield change
                told += 1
                if told % BURST == 0:
                    await asyncio.sleep(0)
            if follower.is_over or self._is_over:
                return
            follower.arrived.clear()
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await follower.arrived.wait()
            except TimeoutError:
                # What came in this very moment is told first, for the position is beyond it.
                if not follower.waiting and not follower.is_over:
                    yield max(after, self._here)

    async def _missed(self, owner: str, after: str, here: str) -> tuple[list[Change], bool]:
        """Some of the changes from after a position up to ``here``, and whether there may be more."""
        missed: list[Change] = []
        turns_of_one = self._turns_of.setdefault(owner, asyncio.Semaphore(ABREAST_OF_ONE))
        has_turn = False
        with suppress(TimeoutError):
            async with asyncio.timeout(SEARCHED_WITHIN), turns_of_one, self._turns:
                has_turn = True
                async with aclosing(change_stream.watch(after, owner)) as feed:
                    async for each in feed:
                        if isinstance(each, str):
                            if change_stream.covers(each, here):
                                return missed, False
                        elif each.position > here:
                            # It waits with the follower.
                            return missed, False
                        else:
                            missed.append(each)
                            if len(missed) >= WAITING:
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
            # It is of no one follower: not in the logs of the first one's request, and in no trace.
            self._reading = asyncio.create_task(self._read(self._begun), name="live", context=Context())
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
                        if read % BURST == 0:
                            await asyncio.sleep(0)
                        self._here = after = each if isinstance(each, str) else each.position
                        if not begun.done():
                            begun.set_result(None)
                        if isinstance(each, Change):
                            for follower in self._followers.get(each.file.owner, ()):
                                follower.tell(each)
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
                await asyncio.sleep(PAUSE)

    def _leave(self, owner: str, follower: _Follower) -> None:
        FOLLOWERS.dec()
        followers = self._followers[owner]
        followers.discard(follower)
        if not followers:
            del self._followers[owner]
        if not self._followers and self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _end_all(self) -> None:
        for followers in self._followers.values():
            for follower in followers:
                follower.end()

    def stop(self) -> None:
        """Have all followers leave: this process stops."""
        self._is_over = True
        self._end_all()

    @property
    def followers(self) -> int:
        """How many follow."""
        return sum(map(len, self._followers.values()))


@asynccontextmanager
async def open_live(owner_limit: int) -> AsyncIterator[Live]:
    """The changes, for as long as the context lasts; each owner may have so many followers at a time."""
    live = Live(owner_limit)
    try:
        yield live
    finally:
        live.stop()
