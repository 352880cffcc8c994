"""A limit of bytes per second that all transfers of a client share."""

import asyncio
import time

#: Pieces are small enough that this many are sent in a second, so that the rate is even.
PIECES_PER_SECOND = 8
MIN_PIECE_BYTES = 4096


class BandwidthLimit:
    """Delays pieces of data so that together they do not exceed a rate.

    Args:
        bytes_per_second: the rate, or None for no limit.
    """

    def __init__(self, bytes_per_second: int | None) -> None:
        if bytes_per_second is not None and bytes_per_second < 1:
            raise ValueError("max_rate must be at least 1 byte per second.")
        self._rate = bytes_per_second
        self._free_at = 0.0

    def piece_bytes(self, max_bytes: int) -> int:
        """Return the size of the next piece in bytes, at most ``max_bytes``."""
        if self._rate is None:
            return max_bytes
        return min(max_bytes, max(self._rate // PIECES_PER_SECOND, MIN_PIECE_BYTES))

    async def acquire(self, size: int) -> None:
        """Wait until ``size`` bytes may be moved."""
        if self._rate is None:
            return
        now = time.monotonic()
        begin = max(now, self._free_at)
        self._free_at = begin + size / self._rate
        if begin > now:
            await asyncio.sleep(begin - now)
