"""Instrumentation of all jobs: log context, metrics and traces."""

from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import structlog
from dramatiq.middleware import Middleware
from dramatiq.threading import Interrupt
from structlog.contextvars import bind_contextvars, clear_contextvars

from waybill.platform.metrics import count_job
from waybill.platform.redis.messages import REQUEST_ID
from waybill.platform.tracing import Step, step

log = structlog.get_logger(__name__)


@dataclass
class Job:
    """One job, while it runs. ``is_cut_short`` by an outage: it ended early, and another will be sent."""

    is_cut_short: bool = False
    began: float = field(default_factory=perf_counter)
    # Its step of a trace, which is left when it ends.
    trace: ExitStack = field(default_factory=ExitStack)
    step: Step = field(default_factory=Step)


_current: ContextVar[Job] = ContextVar("job")


def cut_short() -> None:
    """Say of the running job that an outage has ended it."""
    # The actor's event loop has a copy of its thread's context, but not of what stands in it.
    _current.get().is_cut_short = True


class Instrumentation(Middleware):
    """Stands before all others: first before a job, and after it last, when its outcome is settled."""

    def before_process_message(self, broker: Any, message: Any) -> None:
        # What the job before has left in this thread, whose last lines come after it.
        clear_contextvars()
        bind_contextvars(actor=message.actor_name, message_id=message.message_id)
        if REQUEST_ID in message.options:
            bind_contextvars(request_id=message.options[REQUEST_ID])
        job = Job()
        # Not a sweep, which comes every few seconds, whether there is something to do or not.
        if message.args:
            known = {"messaging.message.id": message.message_id}
            job.step = job.trace.enter_context(step(message.actor_name, "consumer", message.options, known))
        _current.set(job)

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        job = _current.get()
        seconds = perf_counter() - job.began
        outcome = _outcome(job, message, exception)
        count_job(message.actor_name, outcome, seconds)
        job.step.conclude({"waybill.outcome": outcome}, failed=outcome != "done")
        if outcome == "done":
            # As for the trace: a sweep says nothing.
            write = log.info if message.args else log.debug
            write("job done", seconds=round(seconds, 3))
        else:
            log.warning("job not done", outcome=outcome, seconds=round(seconds, 3))
        job.trace.close()


def _outcome(job: Job, message: Any, exception: BaseException | None) -> str:
    """What became of a job: `done`, `cut_short`, `interrupted` by a stop, `retried`, or `dead` for good."""
    if exception is None:
        return "cut_short" if job.is_cut_short else "done"
    if message.failed:
        return "dead"
    return "interrupted" if isinstance(exception, Interrupt) else "retried"
