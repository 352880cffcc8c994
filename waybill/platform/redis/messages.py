"""What an actor is sent, and the sender. Names actors and imports none: the API sends without them."""

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
EXPIRE_UPLOADS = "expire_uploads"
RECONCILE = "reconcile"

#: Which queue each actor listens on. Hashing and webhooks have queues of their own, so that workers of their
#: own can take them: a large file and a slow receiver take their time.
QUEUES = {
    VERIFY_UPLOAD: "hashing",
    PURGE_OBJECT: "cleanup",
    DELIVER_WEBHOOK: "webhooks",
    EXPIRE_UPLOADS: "transitions",
    RECONCILE: "transitions",
}

#: The option of a message, and the member of a log line, that names the request which led to it.
REQUEST_ID = "request_id"

#: The channel on which releases before 0.2 publish the queue that they have sent to, for all databases.
LEGACY_SENT_CHANNEL = "waybill:sent"

#: The key that is written to prove that Redis accepts writes, and for how long it stays.
PROBE = "waybill:probe"
PROBE_SECONDS = 60

#: Seconds that a message may take to reach a worker before the reconciler sends another.
RECONCILE_AFTER_SECONDS = 30

log = structlog.get_logger(__name__)


def sent_channel(namespace: str, database: int) -> str:
    """Return the channel on which senders say to which queue they have sent.

    Redis has the same channels for all databases, so the database is part of the name.
    """
    return f"waybill:sent:{namespace}:{database}"


class Sender:
    """Sends messages to actors by name."""

    def __init__(self, redis: BoundedRedis, namespace: str) -> None:
        self._redis = redis
        self._namespace = namespace

    async def send(self, actor: str, *arguments: str) -> bool:
        """Send one message; whether Redis took it.

        A failure is logged and not raised. The document already says what is due (``File.due_at``), so the
        reconciler sends again what was lost here.
        """
        return await self.send_many(actor, [arguments]) == 1

    async def send_many(self, actor: str, arguments: Sequence[Sequence[str]]) -> int:
        """Send a message for each of ``arguments``, in their order: all of them, or none.

        Returns:
            How many were sent. As with ``send``, the documents know of the others.
        """
        if not arguments:
            return 0
        queue = QUEUES[actor]
        messages: dict[str, bytes] = {}
        channel = sent_channel(self._namespace, self._redis.database)

        async def enqueue(client: Any) -> None:
            # What Dramatiq's script does for one message, for all of them in one round trip: either all are
            # there and announced, or none is.
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
                "messages not sent, the reconciler will",
                actor=actor,
                messages=len(messages),
                error=error.message,
            )
            return 0
        return len(messages)

    async def waiting(self, actor: str) -> int:
        """How many messages are in an actor's queue, those that are being worked on included.

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
        """Prove that Redis accepts writes. A replica, or a full server, would answer PING.

        Raises:
            ServiceUnavailable: it does not.
        """
        await self._redis.ask(lambda client: client.set(PROBE, "1", ex=PROBE_SECONDS), at_once=True)


@contextmanager
def carried_options(actor: str) -> Iterator[dict[str, str]]:
    """Yield the options that tie messages to the current request or job. Trace the enqueue meanwhile."""
    request_id = get_contextvars().get(REQUEST_ID)
    with tracing.sending(actor, QUEUES[actor]) as carried:
        yield carried | ({} if request_id is None else {REQUEST_ID: request_id})
