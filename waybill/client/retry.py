"""Retries with exponential backoff and jitter."""

import asyncio
import random
import time

from waybill.client.errors import ClientError
from waybill.client.observer import NoObserver, Observer

#: The pause before the first retry is random, up to this. The limit doubles for each further retry.
FIRST_PAUSE_SECONDS = 0.25
MAX_PAUSE_SECONDS = 15.0


class Retry:
    """The retries of temporary errors during a number of seconds. The observer sees each retry."""

    def __init__(self, seconds: float, observer: Observer | None = None) -> None:
        self._seconds = seconds
        self._observer = observer or NoObserver()
        self.reset()

    def reset(self) -> None:
        """Start the time again, after a success."""
        self._deadline = time.monotonic() + self._seconds
        self._tries = 0

    async def wait_after(self, error: ClientError) -> None:
        """Wait before the next retry.

        Raises:
            ClientError: ``error``, if it is not temporary or the time is over.
        """
        # Random, so that clients do not all retry at the same moment after an outage.
        pause = random.uniform(0, min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**self._tries))  # noqa: S311  # no secret
        # In addition to Retry-After, which is the same for all clients.
        pause += error.retry_after
        if not error.is_temporary or time.monotonic() + pause > self._deadline:
            raise error
        self._tries += 1
        self._observer.retry(error, pause)
        await asyncio.sleep(pause)
