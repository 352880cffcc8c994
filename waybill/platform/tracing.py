"""Traces, by OpenTelemetry: from a request through its messages to jobs, MongoDB and the object store.

Wants the extra `waybill[otel]`, and is configured by OpenTelemetry's own OTEL_* variables alone. Until
``start`` has found that both are there nothing of it is imported, and each function here does nothing.

Spans name what was done and not with what: no query string, header or document is put into one, for there are
secrets among them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

from waybill.platform.settings import traces_are_wanted

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import Span

log = structlog.get_logger(__name__)

_provider: "TracerProvider | None" = None


def start(service: str) -> None:
    """Begin to trace this process, if that is wanted and can be done.

    Before any client is opened, for it is then that they are told. ``service`` is what this process is
    called where OTEL_SERVICE_NAME does not say otherwise.
    """
    global _provider  # noqa: PLW0603  # of the process, as OpenTelemetry's own
    if not traces_are_wanted() or _provider is not None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.botocore import AiobotocoreInstrumentor
        from opentelemetry.instrumentation.pymongo import PymongoInstrumentor
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        log.warning("no traces: OTEL_* variables want them, waybill[otel] is not installed", error=str(error))
        return
    named = Resource({"service.name": service}).merge(OTELResourceDetector().detect())
    _provider = TracerProvider(resource=Resource.create().merge(named))
    # The sampler that OTEL_TRACES_SAMPLER names decides about what is left.
    _provider.sampler = _foreground(_provider.sampler)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    PymongoInstrumentor().instrument(tracer_provider=_provider, failed_hook=_name_only)
    AiobotocoreInstrumentor().instrument(tracer_provider=_provider)


def _name_only(span: "Span", event: Any) -> None:
    """Replace MongoDB's message by the error's name: it quotes the document, with the owner in it."""
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR, event.failure.get("codeName"))


def is_on() -> bool:
    """Whether this process is traced."""
    return _provider is not None


def stop() -> None:
    """Send what was not sent yet. Takes some seconds where nobody takes it."""
    if _provider is not None:
        _provider.shutdown()


def _foreground(sampler: "Sampler") -> "Sampler":
    """Return a sampler that drops spans without a parent, except requests and jobs.

    Workers and APIs call MongoDB and the store all the time without a request. Each of these calls would be
    a trace of its own.
    """
    from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
    from opentelemetry.trace import SpanKind, get_current_span

    class Foreground(Sampler):
        def should_sample(
            self, parent_context: Any, trace_id: int, name: str, kind: Any = None, *more: Any, **named: Any
        ) -> SamplingResult:
            has_parent = get_current_span(parent_context).get_span_context().is_valid
            if not has_parent and kind not in {SpanKind.SERVER, SpanKind.CONSUMER}:
                return SamplingResult(Decision.DROP)
            return sampler.should_sample(parent_context, trace_id, name, kind, *more, **named)

        def get_description(self) -> str:
            return f"Foreground{{{sampler.get_description()}}}"

    return Foreground()


@contextmanager
def sending(actor: str, queue: str) -> Iterator[dict[str, str]]:
    """Trace the enqueue of messages, if it belongs to a trace.

    Yields:
        The options of these messages that continue the trace: W3C's `traceparent`, and `tracestate` if there
        is one. Empty without a trace.
    """
    if _provider is None:
        yield {}
        return
    from opentelemetry.trace import SpanKind, get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if not get_current_span().get_span_context().is_valid:
        yield {}
        return
    known = {"messaging.operation.type": "send", "messaging.destination.name": queue}
    carrier: dict[str, str] = {}
    with _provider.get_tracer("waybill").start_as_current_span(
        f"send {actor}", None, SpanKind.PRODUCER, known, record_exception=False
    ):
        TraceContextTextMapPropagator().inject(carrier)
        yield carrier


class Step:
    """One step of a trace; nothing where this process is not traced."""

    def __init__(self, span: "Span | None" = None) -> None:
        self._span = span

    def conclude(self, attributes: Mapping[str, str | int], failed: bool) -> None:
        """Say what came of it. Of an error its kind and not its text, which may hold anything."""
        if self._span is None:
            return
        from opentelemetry.trace import StatusCode

        self._span.set_attributes(dict(attributes))
        if failed:
            self._span.set_status(StatusCode.ERROR)

    def rename(self, name: str) -> None:
        """Give it the name that was not known at first."""
        if self._span is not None:
            self._span.update_name(name)


@contextmanager
def step(name: str, kind: str, carrier: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[Step]:
    """One step of the trace that ``carrier`` continues, or the first of a new one.

    ``kind`` is `server` or `consumer`, ``known`` its attributes. A consumer is linked to the span that sent
    the message. What is logged meanwhile names the trace.
    """
    if _provider is None:
        yield Step()
        return
    from opentelemetry.trace import Link, SpanKind, get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    parent = TraceContextTextMapPropagator().extract(carrier)
    sender = get_current_span(parent).get_span_context()
    with _provider.get_tracer("waybill").start_as_current_span(
        name,
        parent,
        SpanKind[kind.upper()],
        dict(known),
        [Link(sender)] if kind == "consumer" and sender.is_valid else [],
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        structlog.contextvars.bind_contextvars(trace_id=f"{span.get_span_context().trace_id:032x}")
        yield Step(span)
