"""How many attempts a process makes at once for one receiver: a slow one would take all of its threads."""

from collections import Counter
from time import monotonic

#: Attempts at once.
MAX_CONCURRENT_ATTEMPTS = 4

#: Seconds from which on an answer is slow: its receiver then gets one attempt at a time.
SLOW_SECONDS = 3

#: Seconds after which a slow answer no longer counts.
SLOW_FOR_SECONDS = 600


class EndpointLimiter:
    """What is under way, and who was slow, by receiver."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        # When each was slow the last time, the earliest first.
        self._slow: dict[str, float] = {}

    def acquire(self, receiver: str) -> bool:
        """Take a turn, if there is one. Whoever takes one must give it back."""
        self._forget()
        if self._taken[receiver] >= (1 if receiver in self._slow else MAX_CONCURRENT_ATTEMPTS):
            return False
        self._taken[receiver] += 1
        return True

    def record(self, receiver: str, took: float) -> None:
        """Note how many seconds an answer took."""
        self._forget()
        self._slow.pop(receiver, None)
        if took >= SLOW_SECONDS:
            self._slow[receiver] = monotonic()

    def release(self, receiver: str) -> None:
        """Give a turn back."""
        self._taken[receiver] -= 1
        if not self._taken[receiver]:
            del self._taken[receiver]

    def _forget(self) -> None:
        # Most are never heard of again: their webhooks are disabled or deleted.
        end = monotonic() - SLOW_FOR_SECONDS
        while self._slow and next(iter(self._slow.values())) < end:
            del self._slow[next(iter(self._slow))]
