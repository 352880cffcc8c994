"""Rate limits of owners, counted in Redis for all API processes."""

import math

from limits import parse_many

from waybill.platform.errors import RateLimited, ServiceUnavailable
from waybill.platform.redis.client import BoundedRedis

#: The most operations in a request if there is no limit.
UNLIMITED = 2**31

# Counts operations against every limit, or against none. Each limit has two windows, the previous and the
# current one, as in the sliding window counter of the library `limits`; releases before 0.2 count in the same
# keys. The current window begins with its first operation. Its key lives for two windows, so if less than one
# is left, it is over. The previous window counts in proportion to its overlap with a window that ends now.
#
# KEYS: for each limit the previous and the current window. ARGV: the cost; how many operations of the same
# request were counted before, which are subtracted if these are refused; for each limit its amount and its
# milliseconds.
#
# Returns nothing, or the number of the limit that refuses for the longest time, and that time in
# milliseconds.
SCRIPT = """
local cost, counted = tonumber(ARGV[1]), tonumber(ARGV[2])
local refusing, longest = 0, -1
for i = 1, #KEYS / 2 do
    local previous, current = KEYS[2 * i - 1], KEYS[2 * i]
    local most, window = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
    local current_ttl = redis.call('pttl', current)
    if current_ttl > 0 and current_ttl < window then
        redis.call('rename', current, previous)
        redis.call('set', current, 0, 'px', current_ttl + window)
        current_ttl = current_ttl + window
    end
    local before = tonumber(redis.call('get', previous)) or 0
    local before_ttl = math.max(redis.call('pttl', previous), 0)
    local now = tonumber(redis.call('get', current)) or 0
    if math.floor(before * before_ttl / window) + now + cost > most then
        local wait = 0
        local room = most - cost - now
        if room < 0 then
            -- Not before the current window is over and has become the previous one.
            wait = current_ttl - window
            before, before_ttl, room = now, window, most - cost
        end
        if before > 0 then
            wait = wait + math.max(before_ttl - (room + 1) * window / before, 0)
        end
        if wait > longest then
            refusing, longest = i, wait
        end
    end
end
for i = 1, #KEYS / 2 do
    local current = KEYS[2 * i]
    if refusing == 0 then
        if redis.call('incrby', current, cost) == cost and redis.call('pttl', current) < 0 then
            redis.call('pexpire', current, 2 * tonumber(ARGV[2 * i + 2]))
        end
    elseif counted > 0 and (tonumber(redis.call('get', current)) or 0) >= counted then
        redis.call('decrby', current, counted)
    end
end
if refusing > 0 then
    return {refusing, math.floor(longest) + 1}
end
"""


class RateLimit:
    """Counts the operations of each owner, in a sliding window."""

    def __init__(self, notation: str, redis: BoundedRedis) -> None:
        # Without repetitions, because a repeated limit would count each operation twice.
        self._limits = list(dict.fromkeys(parse_many(notation))) if notation else []
        self._redis = redis

    @property
    def most_at_once(self) -> int:
        """The most operations that one request may have. A larger one could never be admitted."""
        return min((limit.amount for limit in self._limits), default=UNLIMITED)

    async def admit(self, owner: str, operations: int = 1, *, counted: int = 0) -> None:
        """Count operations of this owner against every limit. If one limit refuses them, none counts them.

        If Redis is unavailable, the operations are admitted.

        Args:
            owner: whose operations.
            operations: how many, at most ``most_at_once``.
            counted: how many operations of the same request were admitted before. They are subtracted if
                these are refused.

        Raises:
            RateLimited: the operations exceed a limit. It says when to try again.
        """
        if not self._limits or not operations:
            return
        keys: list[str] = []
        arguments = [operations, counted]
        for limit in self._limits:
            current = f"waybill:rate:{{{limit.key_for(owner)}}}"
            keys += [f"{current}/-1", current]
            arguments += [limit.amount, limit.get_expiry() * 1000]

        try:
            refused = await self._redis.run(SCRIPT, keys, arguments)
        except ServiceUnavailable:
            # Uploads work without Redis, so a limit must not stop them.
            return
        if refused is not None:
            number, milliseconds = refused
            raise RateLimited(str(self._limits[number - 1]), max(1, math.ceil(milliseconds / 1000)))
