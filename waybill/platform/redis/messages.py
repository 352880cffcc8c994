"""Messages to actors, and their sender.

It knows actors by name and imports none, because the API runs no actor.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import structlog
from dramatiq import Message
from dramatiq.common import dq_name
from structlog.contextvars import get_contextvars

from waybill.platform import tracing
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.redis.client import BoundedRedis

VERIFY_UPLOAD = "verify_upload"
PURGE_OBJECT = "purge_object"
DELIVER_WEBHOOK = "deliver_webhook"
RUN_OPERATION = "run_operation"
EXPIRE_UPLOADS = "expire_uploads"
RECONCILE = "reconcile"

#: The queue of each actor. Hashing and webhooks have queues of their own, so that separate workers can take
#: them, because large files and slow receivers take long. So have operations, because they can be many jobs
#: and workers of older releases do not know them.
QUEUES = {
    VERIFY_UPLOAD: "hashing",
    PURGE_OBJECT: "cleanup",
    DELIVER_WEBHOOK: "webhooks",
    RUN_OPERATION: "operations",
    EXPIRE_UPLOADS: "transitions",
    RECONCILE: "transitions",
}

#: The option of a message, and the field of a log line, that contains the id of the original request.
REQUEST_ID = "request_id"

#: The channel on which releases before 0.2 publish the queue of each message, for all databases.
LEGACY_SENT_CHANNEL = "waybill:sent"

#: The key that is written to prove that Redis accepts writes, and its TTL.
PROBE = "waybill:probe"
PROBE_SECONDS = 60

#: Seconds that a message may take to reach a worker before the reconciler sends another.
RECONCILE_AFTER_SECONDS = 30

log = structlog.get_logger(__name__)


def sent_channel(namespace: str, database: int) -> str:
    """Return the channel on which senders publish the queue of each message.

    Redis has the same channels for all databases, so the database is part of the name.
    """
    return f"waybill:sent:{namespace}:{database}"


class Sender:
    """Sends messages to actors by name."""

    def __init__(self, redis: BoundedRedis, namespace: str) -> None:
        self._redis = redis
        self._namespace = namespace

    async def send(self, actor: str, *arguments: str) -> bool:
        """Send one message. Return whether Redis accepted it.

        A failure is logged and not raised. The document is already due (``File.due_at``), so the reconciler
        sends the message later.
        """
        return await self.send_many(actor, [arguments]) == 1

    async def send_many(self, actor: str, arguments: Sequence[Sequence[str]]) -> int:
        """Send a message for each of ``arguments``, in this order: all of them, or none.

        Returns:
            How many were sent. A failure is handled like in ``send``.
        """
        if not arguments:
            return 0
        queue = QUEUES[actor]
        messages: dict[str, bytes] = {}
        channel = sent_channel(self._namespace, self._redis.database)

        async def enqueue(client: Any) -> None:
            # The same writes as Dramatiq's script, for all messages in one round trip: either all are
            # stored and published, or none.
            async with client.pipeline(transaction=True) as batch:
                batch.hset(f"{self._namespace}:{queue}.msgs", mapping=messages)
                batch.rpush(f"{self._namespace}:{queue}", *messages)
                batch.publish(channel, queue)
                await batch.execute()

        try:
            with carried_options(actor) as carried:
                for each in arguments:
                    message_id = str(uuid4())
                    options = {**carried, "redis_message_id": message_id}
                    message: Message[None] = Message(queue, actor, tuple(each), {}, options)
                    messages[message_id] = message.encode()
                await self._redis.ask(enqueue)
        except ServiceUnavailable as error:
            log.warning(
                "messages not sent: the reconciler sends them later",
                actor=actor,
                messages=len(messages),
                error=error.message,
            )
            return 0
        return len(messages)

    async def waiting(self, actor: str) -> int:
        """Return how many messages are in an actor's queue, including those that workers have taken.

        Raises:
            ServiceUnavailable: Redis does not answer.
        """
        queue = QUEUES[actor]

        async def count(client: Any) -> int:
            async with client.pipeline(transaction=False) as counting:
                for name in (queue, dq_name(queue)):
                    counting.hlen(f"{self._namespace}:{name}.msgs")
                return sum(await counting.execute())

        return await self._redis.ask(count)

    async def ping(self) -> None:
        """Prove that Redis accepts writes. A replica or a full server would also answer PING.

        Raises:
            ServiceUnavailable: Redis does not answer, or refuses writes.
        """
        await self._redis.ask(lambda client: client.set(PROBE, "1", ex=PROBE_SECONDS), at_once=True)


@contextmanager
def carried_options(actor: str) -> Iterator[dict[str, str]]:
    """Yield the options that link messages to the current request or job. Trace the enqueue meanwhile."""
    request_id = get_contextvars().get(REQUEST_ID)
    with tracing.sending(actor, QUEUES[actor]) as carried:
        yield carried | ({} if request_id is None else {REQUEST_ID: request_id})
