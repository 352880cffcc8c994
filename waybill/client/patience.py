"""How long to try again, and how long to wait in between."""

import asyncio
import random
import time

from waybill.client.errors import ClientError
from waybill.client.observer import NoObserver, Observer

#: Seconds. The pause before the first repeat is random up to this, and up to twice as much before each next.
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 15.0


class Patience:
    """So many ``seconds`` in which what is temporary is tried again. The observer sees each retry."""

    def __init__(self, seconds: float, observer: Observer | None = None) -> None:
        self._seconds = seconds
        self._observer = observer or NoObserver()
        self.renew()

    def renew(self) -> None:
        """Begin anew, after a success."""
        self._deadline = time.monotonic() + self._seconds
        self._tries = 0

    async def after(self, error: ClientError) -> None:
        """Wait until a repeat is welcome.

        Raises:
            ClientError: the one given, where it is not temporary or a repeat would come too late.
        """
        # At random, lest all who met one outage come back in the same moment.
        pause = random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._tries))  # noqa: S311  # no secret
        # On top of what the server asks for, which it asks of everybody.
        pause += error.retry_after
        if not error.is_temporary or time.monotonic() + pause > self._deadline:
            raise error
        self._tries += 1
        self._observer.retry(error, pause)
        await asyncio.sleep(pause)
