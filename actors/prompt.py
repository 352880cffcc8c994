"""Fetching a message when it is sent, rather than at the next look.

Dramatiq looks at each idle queue again and again: rarely, and a client waits for its verdict; often, and an
idle worker is busy looking. Here senders say that they have sent something (Redis Pub/Sub), and a look is
taken then. A word can be lost with its sender, so a look is also taken now and then.

Nor does Dramatiq miss a message whose fetch was answered in vain, to a connection that had timed out: Redis
has it down as this worker's for as long as the worker lives. Here the two are compared now and then.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware
from redis.exceptions import RedisError

from waybill.messages import SENT

#: Seconds between two attempts to listen.
PAUSE = 1

#: Seconds between two looks for messages that were fetched and never came.
COMPARED_EVERY = 5

log = structlog.get_logger(__name__)


class PromptBroker(RedisBroker):
    """A broker whose consumers can be woken."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._woken: dict[str, threading.Event] = {}
        # What was handed out of each queue and is not done, by its id in Redis. Outlives a consumer that is
        # replaced after an error, for jobs go on meanwhile.
        self._taken: dict[str, set[str]] = {}

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer that waits up to ``timeout`` milliseconds where the queue is empty, or to be woken."""
        woken = self._woken.setdefault(queue_name, threading.Event())
        taken = self._taken.setdefault(queue_name, set())
        if queue_name in self.delay_queues:
            # With its consumer a delay queue loses what it holds in memory.
            taken.clear()
        # Without a timeout of its own it does not sleep.
        fetching = super().consume(queue_name, prefetch, timeout=0)
        return PromptConsumer(
            fetching, woken, timeout / 1000, taken, lambda: self._put_back(queue_name, taken)
        )

    def _put_back(self, queue_name: str, taken: set[str]) -> None:
        """Put back into its queue what Redis has down as this worker's, and this worker does not have."""
        # Where Dramatiq's script keeps it. What is done meanwhile is no longer there, and is not put back.
        held: Any = self.client.smembers(f"{self.namespace}:__acks__.{self.broker_id}.{queue_name}")
        lost = {member.decode() for member in held} - taken
        if lost:
            log.warning("messages that never came are put back", queue=queue_name, messages=len(lost))
            self.do_requeue(queue_name, *lost)

    def wake(self, queue_name: str) -> None:
        """Have a look taken at a queue, if this worker takes from it."""
        if queue_name in self._woken:
            self._woken[queue_name].set()

    def wake_all(self) -> None:
        """Have a look taken at every queue."""
        for woken in list(self._woken.values()):
            woken.set()


class PromptConsumer(Consumer):
    """Waits where Dramatiq's own consumer of Redis would sleep, and knows what it has handed out."""

    def __init__(
        self,
        fetching: Consumer,
        woken: threading.Event,
        timeout: float,
        taken: set[str],
        put_back: Callable[[], None],
    ) -> None:
        self._fetching = fetching
        self._woken = woken
        self._timeout = timeout
        self._taken = taken
        self._put_back = put_back
        self._compared_at = time.monotonic()

    def __next__(self) -> MessageProxy | None:
        """The next message, or None where there was none."""
        # Before the look: what is sent during it wakes us.
        self._woken.clear()
        message: MessageProxy | None = next(self._fetching)
        if message is not None:
            self._taken.add(message.options["redis_message_id"])
            return message
        # Only here, where no message is on its way from one to the other.
        if time.monotonic() - self._compared_at > COMPARED_EVERY:
            self._compared_at = time.monotonic()
            self._put_back()
        else:
            self._woken.wait(self._timeout)
        return None

    def ack(self, message: MessageProxy) -> None:
        """A message is done: there is room for another."""
        try:
            self._fetching.ack(message)
        finally:
            self._done(message)

    def nack(self, message: MessageProxy) -> None:
        """A message has failed: there is room for another."""
        try:
            self._fetching.nack(message)
        finally:
            self._done(message)

    def _done(self, message: MessageProxy) -> None:
        # Also where Redis did not hear of it: then the message comes again, and is told to be done once more.
        self._taken.discard(message.options["redis_message_id"])
        self._woken.set()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give messages back that were fetched and not begun."""
        self._fetching.requeue(messages)

    def close(self) -> None:
        """Close the connection."""
        self._fetching.close()


class Listen(Middleware):
    """Wakes the consumers of a worker when something is sent to their queues."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        threading.Thread(target=self._listen, args=[broker], daemon=True, name="listen").start()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self._stopped.set()

    def _listen(self, broker: PromptBroker) -> None:
        while not self._stopped.is_set():
            try:
                with broker.client.pubsub() as channel:
                    channel.subscribe(SENT)
                    while not self._stopped.is_set():
                        said = channel.get_message(timeout=PAUSE) or {"type": None}
                        match said["type"]:
                            case "message":
                                broker.wake(said["data"].decode())
                            case "subscribe":
                                # What was sent while nobody listened.
                                broker.wake_all()
            except RedisError as error:
                log.warning("nobody wakes this worker, Redis is away", error=str(error))
                self._stopped.wait(PAUSE)
