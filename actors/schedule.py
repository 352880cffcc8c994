"""Send the messages of the sweepers at an interval."""

import time
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from dramatiq import Message
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware
from redis.exceptions import RedisError

from waybill.platform.redis.messages import EXPIRE_UPLOADS, QUEUES, RECONCILE

#: The most ticks of all sweepers that wait or run.
MAX_WAITING_TICKS = 4

log = structlog.get_logger(__name__)


class Schedule(Middleware):
    """Sends a message to each sweeper every ``interval`` seconds.

    Every worker ticks, and Redis lets one of them send. A tick that is lost (Redis is unavailable, the sender
    is killed) is replaced by the next one, because sweepers read the database and not the messages.
    """

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self._scheduler = BackgroundScheduler(timezone="UTC")

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        for actor in (EXPIRE_UPLOADS, RECONCILE):
            self._scheduler.add_job(
                self._tick, "interval", seconds=self._interval, args=[broker, actor], coalesce=True
            )
        self._scheduler.start()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self._scheduler.shutdown()

    def _tick(self, broker: Any, actor: str) -> None:
        slot = int(time.time() // self._interval)
        try:
            # The slot is part of the key, so a worker with a wrong clock can only send an extra message.
            if not broker.client.set(f"waybill:tick:{actor}:{slot}", "1", nx=True, ex=10 * self._interval):
                return
            # If no worker takes the ticks, a waiting one does the work of all later ones.
            if broker.do_qsize(QUEUES[actor]) >= MAX_WAITING_TICKS:
                return
            broker.enqueue(
                Message(queue_name=QUEUES[actor], actor_name=actor, args=(), kwargs={}, options={})
            )
        except (RedisError, ConnectionClosed) as error:
            log.warning("tick not sent", actor=actor, error=str(error))
