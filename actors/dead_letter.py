"""What the dashboard shows of a job that failed for good."""

from typing import Any

from dramatiq.middleware import Middleware


class KeepTraceback(Middleware):
    """Writes a failed message back before it becomes a dead letter.

    Redis keeps the message as it was enqueued, which is before its last attempt: without this the last
    traceback, and of an actor without retries the only one, would be lost.
    """

    def before_nack(self, broker: Any, message: Any) -> None:
        """Store the message with the traceback that Retries has put into its options."""
        broker.client.hset(
            f"{broker.namespace}:{message.queue_name}.msgs",
            message.options["redis_message_id"],
            message.encode(),
        )
