"""The queue of verifications: few messages of each owner are in Redis, all other files wait in MongoDB."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import structlog
from dramatiq import Message

from waybill.platform.errors import ServiceUnavailable
from waybill.platform.redis.client import BoundedRedis
from waybill.platform.redis.messages import QUEUES, VERIFY_UPLOAD, carried_options, sent_channel

#: Messages of one owner in Redis: waiting in the queue, or with a worker. An owner may have more while fewer
#: than these wait in the whole queue, so the limit never keeps a worker idle.
MAX_IN_FLIGHT = 64

#: The owner's next files are sent when the owner, or the whole queue, has no more messages than this.
REFILL_AT = 32

#: Seconds without a new message after which an owner's entries are forgotten.
IN_FLIGHT_SECONDS = 900

#: Seconds between two reports that Redis does not know of a file that has a message.
LOST_EVERY_SECONDS = 5

# The message and its entry are written in one script: when Redis loses one, it loses both. `KEYS` are the
# owner's files in flight with the id of their message, the owner's flag "more files wait in MongoDB", and
# Dramatiq's two keys of the queue, as Dramatiq's own script writes them. An entry counts while Dramatiq has
# its message; otherwise its worker could not report the end, or is of an older release. The first write is
# one that a full Redis refuses, because Redis lets a script go on that has written once.
_SEND = """
local max, seconds, more = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local entries = redis.call('HGETALL', KEYS[1])
local in_flight, count, ended = {}, 0, {}
for i = 1, #entries, 2 do
    if redis.call('HEXISTS', KEYS[4], entries[i + 1]) == 1 then
        in_flight[entries[i]] = true
        count = count + 1
    else
        table.insert(ended, entries[i])
    end
end
local room = max - math.min(count, redis.call('LLEN', KEYS[3]))
local sent = 0
for i = 6, #ARGV, 3 do
    if not in_flight[ARGV[i]] then
        if sent >= room then
            more = true
            break
        end
        redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
        redis.call('HSET', KEYS[4], ARGV[i + 1], ARGV[i + 2])
        redis.call('RPUSH', KEYS[3], ARGV[i + 1])
        in_flight[ARGV[i]] = true
        sent = sent + 1
    end
end
if more then
    redis.call('SET', KEYS[2], '1', 'EX', seconds)
end
for _, file in ipairs(ended) do
    if not in_flight[file] then
        redis.call('HDEL', KEYS[1], file)
    end
end
if sent > 0 then
    redis.call('EXPIRE', KEYS[1], seconds)
    redis.call('PUBLISH', ARGV[4], ARGV[5])
end
return sent
"""

# One caller at a time gets the flag, and with it the duty to send the next files. The flag goes before that
# caller reads MongoDB, so a file that is held back after that read sets it again. A file without an entry
# means that Redis was emptied (or that an older release sent the message): one caller gets to know at a time.
_END = """
local low, pause = tonumber(ARGV[2]), tonumber(ARGV[3])
local is_lost = redis.call('HDEL', KEYS[1], ARGV[1]) == 0
    and redis.call('SET', KEYS[4], '1', 'NX', 'EX', pause)
local in_flight = false
if redis.call('EXISTS', KEYS[2]) == 1 then
    if redis.call('HLEN', KEYS[1]) <= low or redis.call('LLEN', KEYS[3]) <= low then
        redis.call('DEL', KEYS[2])
        in_flight = redis.call('HKEYS', KEYS[1])
    end
end
return {is_lost and 1 or 0, in_flight}
"""

_LOST = "waybill:in_flight_lost"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """What to do after a verification.

    ``in_flight`` are the owner's files that have a message in Redis, if the caller must send the owner's next
    files; None if no files wait, or enough messages are in Redis. ``is_lost`` reports, once in a while, that
    Redis did not know of the file, so the messages of other files may be lost too.
    """

    in_flight: list[str] | None
    is_lost: bool


class VerificationQueue:
    """Sends verifications, and keeps the number of messages that one owner has in Redis low."""

    def __init__(self, redis: BoundedRedis, namespace: str) -> None:
        self._redis = redis
        self._queue = QUEUES[VERIFY_UPLOAD]
        self._channel = sent_channel(namespace, redis.database)
        queue = f"{namespace}:{self._queue}"
        self._queue_keys = [queue, f"{queue}.msgs"]

    async def send(self, owner: str, file_id: str) -> None:
        """Send the verification that the current request asks for, if the owner has room in Redis.

        If not, or if Redis is unavailable, the file stays due. It is sent when a message of its owner ends,
        or by the reconciler.
        """
        try:
            with carried_options(VERIFY_UPLOAD) as options:
                await self._send(owner, [file_id], False, options)
        except ServiceUnavailable as error:
            log.warning(
                "verification not sent: the reconciler sends it later", file_id=file_id, error=error.message
            )

    async def send_waiting(self, owner: str, file_ids: Sequence[str], *, has_more: bool) -> int:
        """Send verifications of due files, in this order, while the owner has room in Redis.

        Files that have a message in Redis are skipped.

        Args:
            owner: whose files these are.
            file_ids: files that are due.
            has_more: whether further files of this owner are due.

        Returns:
            How many messages were sent.

        Raises:
            ServiceUnavailable: Redis does not answer. The files stay due.
        """
        # Without what ties a message to the running request or job, which is about another file.
        return await self._send(owner, file_ids, has_more, {})

    async def _send(
        self, owner: str, file_ids: Sequence[str], has_more: bool, options: Mapping[str, str]
    ) -> int:
        arguments: list[Any] = [MAX_IN_FLIGHT, IN_FLIGHT_SECONDS, int(has_more), self._channel, self._queue]
        for file_id in file_ids:
            # Dramatiq stores a message by an id of its own, because a retry keeps the message's id.
            redis_id = str(uuid4())
            message: Message[None] = Message(
                queue_name=self._queue,
                actor_name=VERIFY_UPLOAD,
                args=(file_id,),
                kwargs={},
                options={**options, "redis_message_id": redis_id},
            )
            arguments += [file_id, redis_id, message.encode()]
        return int(await self._redis.run(_SEND, self._keys(owner), arguments))

    async def end(self, owner: str, file_id: str) -> Ended:
        """Record that the message of a file has ended, with any outcome.

        If Redis is unavailable, logs it and returns a result that requires no action.
        """
        keys = [*self._keys(owner)[:3], _LOST]
        try:
            is_lost, in_flight = await self._redis.run(_END, keys, [file_id, REFILL_AT, LOST_EVERY_SECONDS])
        except ServiceUnavailable as error:
            log.warning(
                "end of a verification not recorded: redis unavailable", file_id=file_id, error=error.message
            )
            return Ended(None, is_lost=False)
        return Ended(
            None if in_flight is None else [member.decode() for member in in_flight], is_lost=bool(is_lost)
        )

    def _keys(self, owner: str) -> list[str]:
        # The owner comes last: it may be any text.
        return [f"waybill:in_flight:{owner}", f"waybill:more_waiting:{owner}", *self._queue_keys]
