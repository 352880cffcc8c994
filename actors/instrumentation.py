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
    """One running job. ``is_cut_short``: an outage ended it early, and the reconciler sends another."""

    is_cut_short: bool = False
    began: float = field(default_factory=perf_counter)
    # The span of the job, which ends with it.
    trace: ExitStack = field(default_factory=ExitStack)
    step: Step = field(default_factory=Step)


_current: ContextVar[Job] = ContextVar("job")


def cut_short() -> None:
    """Mark the running job as ended by an outage."""
    # The actor's event loop has a copy of the thread's context, which refers to the same job.
    _current.get().is_cut_short = True


class Instrumentation(Middleware):
    """Must be the first middleware: it runs first before a job, and last after it, with the outcome known."""

    def before_process_message(self, broker: Any, message: Any) -> None:
        # Clear the values of the previous job here, because its last log lines come after its end.
        clear_contextvars()
        bind_contextvars(actor=message.actor_name, message_id=message.message_id)
        if REQUEST_ID in message.options:
            bind_contextvars(request_id=message.options[REQUEST_ID])
        job = Job()
        # Sweeps are not traced, because they run every few seconds, also if there is nothing to do.
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
            # Sweeps are logged at DEBUG, for the same reason.
            write = log.info if message.args else log.debug
            write("job done", seconds=round(seconds, 3))
        else:
            log.warning("job not done", outcome=outcome, seconds=round(seconds, 3))
        job.trace.close()


def _outcome(job: Job, message: Any, exception: BaseException | None) -> str:
    """Return the outcome: `done`, `cut_short`, `interrupted` by a stop, `retried`, or `dead` for good."""
    if exception is None:
        return "cut_short" if job.is_cut_short else "done"
    if message.failed:
        return "dead"
    return "interrupted" if isinstance(exception, Interrupt) else "retried"
