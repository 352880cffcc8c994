"""What an actor is sent, and the sender. Names actors and imports none: the API sends without them."""

import asyncio
from collections.abc import Sequence

import structlog
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from redis.exceptions import RedisError
from structlog.contextvars import get_contextvars

from waybill import tracing
from waybill.errors import ServiceUnavailable

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

#: The channel on which senders say to which queue they have sent.
SENT = "waybill:sent"

#: Seconds that a message may take to reach a worker before the reconciler sends another.
PATIENCE = 30

log = structlog.get_logger(__name__)


class Sender:
    """Sends messages to actors by name."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

    async def send(self, actor: str, *arguments: str) -> bool:
        """Send one message; whether Redis took it.

        A failure is logged and not raised. The document already says what is owed (``File.due_at``), so the
        reconciler sends again what was lost here.
        """
        return await self.send_many(actor, [arguments]) == 1

    async def send_many(self, actor: str, arguments: Sequence[Sequence[str]]) -> int:
        """Send a message for each of ``arguments``, in their order, up to the first that Redis does not take.

        Returns:
            How many were sent. As with ``send``, the documents know of the others.
        """
        # All in one thread, for going there takes longer than to send one.
        return await asyncio.to_thread(self._send_each, actor, arguments) if arguments else 0

    def _send_each(self, actor: str, arguments: Sequence[Sequence[str]]) -> int:
        sent = 0
        carried = _carried()
        try:
            for each in arguments:
                message: Message[None] = Message(
                    queue_name=QUEUES[actor],
                    actor_name=actor,
                    args=tuple(each),
                    kwargs={},
                    options=dict(carried),
                )
                self._broker.enqueue(message)
                sent += 1
            self._broker.client.publish(SENT, QUEUES[actor])
        except RedisError as error:
            unsent = len(arguments) - sent
            log.warning(
                "messages not sent, the reconciler will", actor=actor, messages=unsent, error=str(error)
            )
        return sent

    async def waiting(self, actor: str) -> int:
        """How many messages are in an actor's queue, those that are being worked on included.

        Raises:
            ServiceUnavailable: Redis does not answer.
        """
        try:
            return int(await asyncio.to_thread(self._broker.do_qsize, QUEUES[actor]))
        except RedisError as error:
            raise ServiceUnavailable("Redis") from error

    async def ping(self) -> None:
        """Prove that Redis answers.

        Raises:
            ServiceUnavailable: it does not.
        """
        try:
            await asyncio.to_thread(self._broker.client.ping)
        except RedisError as error:
            raise ServiceUnavailable("Redis") from error


def _carried() -> dict[str, str]:
    """What ties a job to the request, or to the job, that sends it: options which older workers pass over."""
    request_id = get_contextvars().get(REQUEST_ID)
    return tracing.carried() | ({} if request_id is None else {REQUEST_ID: request_id})
