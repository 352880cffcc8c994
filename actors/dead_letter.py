"""Store the traceback of a job that failed for good, for the dashboard."""

from typing import Any

import structlog
from dramatiq.middleware import Middleware
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


class KeepTraceback(Middleware):
    """Stores a failed message again before it becomes a dead letter.

    Redis has the message as it was enqueued, before its last attempt. Without this the last traceback would
    be lost, which is the only one of an actor without retries.
    """

    def before_nack(self, broker: Any, message: Any) -> None:
        """Store the message with the traceback that Retries has put into its options."""
        key = f"{broker.namespace}:{message.queue_name}.msgs"
        try:
            broker.client.hset(key, message.options["redis_message_id"], message.encode())
        except RedisError as error:
            # When Redis is available again, Dramatiq makes the message a dead letter, and calls this before.
            log.warning("traceback not stored: redis unavailable", error=str(error))
