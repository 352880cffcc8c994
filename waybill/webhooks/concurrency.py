"""Limit the parallel attempts for one webhook, so that a slow receiver cannot occupy a whole process."""

from collections import Counter
from time import monotonic

#: The most parallel attempts for one webhook.
MAX_CONCURRENT_ATTEMPTS = 4

#: A response that takes this many seconds is slow. Its webhook then gets one attempt at a time.
SLOW_SECONDS = 3

#: Seconds after which a slow response no longer counts.
SLOW_FOR_SECONDS = 600


class EndpointLimiter:
    """Counts the running attempts and the slow responses of each webhook."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        # The time of the latest slow response of each webhook, the earliest first.
        self._slow: dict[str, float] = {}

    def acquire(self, webhook_id: str) -> bool:
        """Count one more attempt, if the limit allows it.

        Returns whether; then the caller must call ``release``.
        """
        self._forget()
        if self._taken[webhook_id] >= (1 if webhook_id in self._slow else MAX_CONCURRENT_ATTEMPTS):
            return False
        self._taken[webhook_id] += 1
        return True

    def record(self, webhook_id: str, seconds: float) -> None:
        """Record how long a response took, in seconds."""
        self._forget()
        self._slow.pop(webhook_id, None)
        if seconds >= SLOW_SECONDS:
            self._slow[webhook_id] = monotonic()

    def release(self, webhook_id: str) -> None:
        """Count one attempt less."""
        self._taken[webhook_id] -= 1
        if not self._taken[webhook_id]:
            del self._taken[webhook_id]

    def _forget(self) -> None:
        # Otherwise webhooks that are disabled or deleted would stay for ever.
        end = monotonic() - SLOW_FOR_SECONDS
        while self._slow and next(iter(self._slow.values())) < end:
            del self._slow[next(iter(self._slow))]
