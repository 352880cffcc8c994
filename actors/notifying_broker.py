"""A Redis broker that fetches a message when it is sent, and not only at the next poll.

Dramatiq polls each idle queue. If it polls rarely, clients wait for their results; if it polls often, idle
workers are busy. Here senders publish a notification (Redis Pub/Sub), and the worker polls then. A
notification can be lost, so the worker also polls at a long interval.

Dramatiq also does not notice a message that was fetched over a connection that had timed out. Redis records
it as this worker's while the worker lives. Here both sides are compared at an interval.
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

#: Seconds between two checks whether Redis still knows that this worker listens.
CHECK_SECONDS = 5

#: Seconds between two checks for messages that were fetched and never arrived.
COMPARE_SECONDS = 5

log = structlog.get_logger(__name__)


class Availability:
    """Whether Redis is available. Logs each change once, for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_available = True

    def failed(self, error: Exception) -> None:
        """Record that Redis did not answer, or refused a command."""
        if self._changes(to=False):
            log.warning("redis unavailable: no jobs are fetched", error=str(error))

    def answered(self) -> None:
        """Record that Redis executed a command."""
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
        # To fetch and to acknowledge jobs frees memory in Redis. But these scripts write, so a full Redis
        # would refuse them, and a queue that has filled Redis would never become shorter.
        dispatch: Any = self.scripts["dispatch"].script
        self.scripts["dispatch"] = self.client.register_script(b"#!lua flags=allow-oom\n" + dispatch)
        self.woken: dict[str, threading.Event] = {}
        # The messages of each queue that were fetched and are not finished, by their id in Redis. Stored
        # here, because jobs continue when a consumer is replaced after an error.
        self.taken: dict[str, set[str]] = {}
        self.availability = Availability()

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Enqueue a message.

        Raises:
            ConnectionClosed: Redis does not answer, or refuses. Dramatiq treats this error as an outage, and
                any other as a defect.
        """
        try:
            return super().enqueue(message, delay=delay)
        except RedisError as error:
            raise ConnectionClosed(error) from error

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return a consumer that waits ``timeout`` milliseconds at an empty queue, or until it is woken."""
        self.woken.setdefault(queue_name, threading.Event())
        taken = self.taken.setdefault(queue_name, set())
        if queue_name in self.delay_queues:
            # A delay queue loses the messages in its memory with its consumer.
            taken.clear()
        # With a timeout of 0 it does not sleep.
        fetching = super().consume(queue_name, prefetch, timeout=0)
        return NotifiedConsumer(self, queue_name, fetching, timeout / 1000)

    def put_back(self, queue_name: str) -> None:
        """Put messages back into the queue that Redis records as this worker's and that it lacks."""
        # The key of Dramatiq's script. A message that ends meanwhile is removed from it, so it is not put
        # back.
        held: Any = self.client.smembers(f"{self.namespace}:__acks__.{self.broker_id}.{queue_name}")
        lost = {member.decode() for member in held} - self.taken[queue_name]
        if lost:
            log.warning("lost messages put back into the queue", queue=queue_name, messages=len(lost))
            self.do_requeue(queue_name, *lost)

    def wake(self, queue_name: str) -> None:
        """Wake the consumer of a queue, if this worker has one."""
        if queue_name in self.woken:
            self.woken[queue_name].set()

    def wake_all(self) -> None:
        """Wake all consumers."""
        for woken in list(self.woken.values()):
            woken.set()


class NotifiedConsumer(Consumer):
    """Waits until it is woken, where Dramatiq's own consumer would sleep, and records running messages."""

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
        """Return the next message, or None if the queue is empty."""
        # Clear before the poll, so that a message that is sent during the poll wakes us.
        self._woken.clear()
        try:
            message = self._next()
        except (RedisError, ConnectionClosed) as error:
            # Not raised, because Dramatiq would replace this consumer each second, and log it each time. A
            # replica and a full server also refuse, with errors that Dramatiq treats as defects.
            self._broker.availability.failed(error)
            self._woken.wait(PAUSE_SECONDS)
            return None
        self._broker.availability.answered()
        if message is None:
            self._woken.wait(self._timeout)
        return message

    def _next(self) -> MessageProxy | None:
        # Before the poll, because a job that ends during it makes room too.
        self._waits_for_room = True
        message: MessageProxy | None = next(self._fetching)
        if message is not None:
            self._taken.add(message.options["redis_message_id"])
            return message
        # If there is room, the queue was empty, so the end of a message is no reason to poll again.
        self._waits_for_room = self._fetching.outstanding_message_count >= self._fetching.prefetch
        # Only here, because no message is in transit now.
        if time.monotonic() - self._compared_at > COMPARE_SECONDS:
            self._compared_at = time.monotonic()
            self._broker.put_back(self._queue_name)
            # Poll again, because messages may have been put back.
            self._woken.set()
        return None

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge a message. There is room for another."""
        self._settle(self._fetching.ack, message)

    def nack(self, message: MessageProxy) -> None:
        """Reject a message that failed. There is room for another."""
        self._settle(self._fetching.nack, message)

    def _settle(self, settle: Callable[[MessageProxy], None], message: MessageProxy) -> None:
        try:
            settle(message)
        except RedisError as error:
            # Dramatiq retries only after this error. After any other the message would stay this worker's
            # while the worker lives.
            raise ConnectionClosed(error) from error
        self._taken.discard(message.options["redis_message_id"])
        if self._waits_for_room:
            self._woken.set()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Return messages to the queue that were fetched and not begun."""
        try:
            self._fetching.requeue(messages)
        except RedisError as error:
            # A stop ends properly only with this error. The messages are fetched later, as those of a dead
            # worker.
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
            notification = listening.get_message(timeout=PAUSE_SECONDS) or {"type": None}
            match notification["type"]:
                case "message":
                    broker.wake(notification["data"].decode())
                case "subscribe":
                    # Messages may have been sent while this worker did not listen.
                    broker.wake_all()
            if time.monotonic() - checked_at > CHECK_SECONDS:
                checked_at = time.monotonic()
                # After a failover the old primary may keep this connection open, and publish nothing on it.
                ((_, listeners),) = broker.client.pubsub_numsub(own)
                if not listeners:
                    return
