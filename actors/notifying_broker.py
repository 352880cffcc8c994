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
from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware
from redis.exceptions import RedisError

from waybill.platform.redis.client import database_of
from waybill.platform.redis.messages import LEGACY_SENT_CHANNEL, sent_channel

#: Seconds between two attempts to reach a Redis that is unavailable.
PAUSE_SECONDS = 1

#: Seconds between two looks whether Redis still counts this worker among those that listen.
CHECK_SECONDS = 5

#: Seconds between two looks for messages that were fetched and never came.
COMPARE_SECONDS = 5

log = structlog.get_logger(__name__)


class Availability:
    """Whether Redis serves this worker. Logs each change once, for all threads together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_available = True

    def failed(self, error: Exception) -> None:
        """Record that Redis did not answer, or refused."""
        if self._changes(to=False):
            log.warning("redis unavailable: no jobs are fetched", error=str(error))

    def answered(self) -> None:
        """Record that Redis did what it was asked for."""
        if not self._is_available and self._changes(to=True):
            log.info("redis available again: jobs are fetched")

    def _changes(self, *, to: bool) -> bool:
        with self._lock:
            changes, self._is_available = self._is_available != to, to
            return changes


class NotifyingRedisBroker(RedisBroker):
    """A broker whose consumers can be woken."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        # Fetching and acknowledging jobs make room in a full Redis. They write, so a full Redis would refuse
        # them, and a queue that has filled it would never become shorter.
        dispatch: Any = self.scripts["dispatch"].script
        self.scripts["dispatch"] = self.client.register_script(b"#!lua flags=allow-oom\n" + dispatch)
        self.woken: dict[str, threading.Event] = {}
        # The messages of each queue that were fetched and are not done, by their id in Redis. Outlives a
        # consumer that is replaced after an error, because jobs go on meanwhile.
        self.taken: dict[str, set[str]] = {}
        self.availability = Availability()

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Enqueue a message.

        Raises:
            ConnectionClosed: Redis does not answer, or refuses. Dramatiq takes this one for an outage, and
                any other for a defect.
        """
        try:
            return super().enqueue(message, delay=delay)
        except RedisError as error:
            raise ConnectionClosed(error) from error

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer that waits up to ``timeout`` milliseconds where the queue is empty, or to be woken."""
        self.woken.setdefault(queue_name, threading.Event())
        taken = self.taken.setdefault(queue_name, set())
        if queue_name in self.delay_queues:
            # With its consumer a delay queue loses what it holds in memory.
            taken.clear()
        # Without a timeout of its own it does not sleep.
        fetching = super().consume(queue_name, prefetch, timeout=0)
        return NotifiedConsumer(self, queue_name, fetching, timeout / 1000)

    def put_back(self, queue_name: str) -> None:
        """Put back into its queue what Redis has down as this worker's, and this worker does not have."""
        # Where Dramatiq's script keeps it. What is done meanwhile is no longer there, and is not put back.
        held: Any = self.client.smembers(f"{self.namespace}:__acks__.{self.broker_id}.{queue_name}")
        lost = {member.decode() for member in held} - self.taken[queue_name]
        if lost:
            log.warning("messages that never came are put back", queue=queue_name, messages=len(lost))
            self.do_requeue(queue_name, *lost)

    def wake(self, queue_name: str) -> None:
        """Have a look taken at a queue, if this worker takes from it."""
        if queue_name in self.woken:
            self.woken[queue_name].set()

    def wake_all(self) -> None:
        """Have a look taken at every queue."""
        for woken in list(self.woken.values()):
            woken.set()


class NotifiedConsumer(Consumer):
    """Waits where Dramatiq's own consumer of Redis would sleep, and knows which messages run."""

    def __init__(self, broker: NotifyingRedisBroker, queue_name: str, fetching: Any, timeout: float) -> None:
        self._broker = broker
        self._queue_name = queue_name
        self._fetching = fetching
        self._timeout = timeout
        self._woken = broker.woken[queue_name]
        self._taken = broker.taken[queue_name]
        self._compared_at = time.monotonic()
        self._waits_for_room = False

    def __next__(self) -> MessageProxy | None:
        """The next message, or None where there was none."""
        # Before the look: what is sent during it wakes us.
        self._woken.clear()
        try:
            message = self._next()
        except (RedisError, ConnectionClosed) as error:
            # Not raised: Dramatiq would replace this consumer each second, and say so each time. A replica
            # and a full server refuse as well, with errors that Dramatiq takes for defects.
            self._broker.availability.failed(error)
            self._woken.wait(PAUSE_SECONDS)
            return None
        self._broker.availability.answered()
        if message is None:
            self._woken.wait(self._timeout)
        return message

    def _next(self) -> MessageProxy | None:
        # Before the look: what is done during it makes room as well.
        self._waits_for_room = True
        message: MessageProxy | None = next(self._fetching)
        if message is not None:
            self._taken.add(message.options["redis_message_id"])
            return message
        # With room for more the queue was empty: a message that is done is no reason to look again.
        self._waits_for_room = self._fetching.outstanding_message_count >= self._fetching.prefetch
        # Only here, where no message is on its way from one to the other.
        if time.monotonic() - self._compared_at > COMPARE_SECONDS:
            self._compared_at = time.monotonic()
            self._broker.put_back(self._queue_name)
            # What was put back is there to be fetched.
            self._woken.set()
        return None

    def ack(self, message: MessageProxy) -> None:
        """A message is done: there is room for another."""
        self._settle(self._fetching.ack, message)

    def nack(self, message: MessageProxy) -> None:
        """A message has failed: there is room for another."""
        self._settle(self._fetching.nack, message)

    def _settle(self, settle: Callable[[MessageProxy], None], message: MessageProxy) -> None:
        try:
            settle(message)
        except RedisError as error:
            # Dramatiq tries again after this error, and after any other it never does: the message would be
            # this worker's for as long as it lives.
            raise ConnectionClosed(error) from error
        self._taken.discard(message.options["redis_message_id"])
        if self._waits_for_room:
            self._woken.set()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give messages back that were fetched and not begun."""
        try:
            self._fetching.requeue(messages)
        except RedisError as error:
            # Of a stop, which ends in order only with this error: the messages are missed and fetched later.
            raise ConnectionClosed(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._fetching.close()


class WakeConsumers(Middleware):
    """Wakes the consumers of a worker when something is sent to their queues."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        threading.Thread(target=self._listen, args=[broker], daemon=True, name="listen").start()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self._stopped.set()

    def _listen(self, broker: NotifyingRedisBroker) -> None:
        while not self._stopped.is_set():
            try:
                with broker.client.pubsub() as listening:
                    self._pass_on(broker, listening)
            except RedisError as error:
                log.warning("redis unavailable: jobs are fetched later", error=str(error))
                self._stopped.wait(PAUSE_SECONDS)

    def _pass_on(self, broker: NotifyingRedisBroker, listening: Any) -> None:
        """Wake consumers until a stop, or until Redis no longer knows that this worker listens."""
        channel = sent_channel(broker.namespace, database_of(broker.client))
        own = f"{channel}:{broker.broker_id}"
        listening.subscribe(channel, LEGACY_SENT_CHANNEL, own)
        checked_at = time.monotonic()
        while not self._stopped.is_set():
            said = listening.get_message(timeout=PAUSE_SECONDS) or {"type": None}
            match said["type"]:
                case "message":
                    broker.wake(said["data"].decode())
                case "subscribe":
                    # What was sent while this worker did not listen.
                    broker.wake_all()
            if time.monotonic() - checked_at > CHECK_SECONDS:
                checked_at = time.monotonic()
                # After a failover the old primary may keep this connection open, and publish nothing on it.
                ((_, listeners),) = broker.client.pubsub_numsub(own)
                if not listeners:
                    return
