"""What an actor is sent, and the sender. Names actors and imports none: the API sends without them."""

import asyncio

import structlog
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from redis.exceptions import RedisError

from waybill.errors import ServiceUnavailable

VERIFY_UPLOAD = "verify_upload"
PURGE_OBJECT = "purge_object"
EXPIRE_UPLOADS = "expire_uploads"
RECONCILE = "reconcile"

#: Which queue each actor listens on. Hashing has one of its own, so that a worker of its own can take it.
QUEUES = {
    VERIFY_UPLOAD: "hashing",
    PURGE_OBJECT: "cleanup",
    EXPIRE_UPLOADS: "transitions",
    RECONCILE: "transitions",
}

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
        message: Message[None] = Message(
            queue_name=QUEUES[actor], actor_name=actor, args=arguments, kwargs={}, options={}
        )
        try:
            await asyncio.to_thread(self._send, message)
        except RedisError as error:
            log.warning("message not sent, the reconciler will", actor=actor, error=str(error))
            return False
        return True

    def _send(self, message: Message[None]) -> None:
        self._broker.enqueue(message)
        self._broker.client.publish(SENT, message.queue_name)

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
