"""What the dashboard shows of a job that failed for good."""

from typing import Any

import structlog
from dramatiq.middleware import Middleware
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


class KeepTraceback(Middleware):
    """Writes a failed message back before it becomes a dead letter.

    Redis keeps the message as it was enqueued, which is before its last attempt: without this the last
    traceback, and of an actor without retries the only one, would be lost.
    """

    def before_nack(self, broker: Any, message: Any) -> None:
        """Store the message with the traceback that Retries has put into its options."""
        key = f"{broker.namespace}:{message.queue_name}.msgs"
        try:
            broker.client.hset(key, message.options["redis_message_id"], message.encode())
        except RedisError as error:
            # Dramatiq makes the message a dead letter when Redis is available again, and calls this before.
            log.warning("traceback not kept: redis unavailable", error=str(error))
