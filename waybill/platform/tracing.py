"""Traces, by OpenTelemetry: from a request through its messages to jobs, MongoDB and the object store.

Requires the extra `waybill[otel]`, and is configured by OpenTelemetry's OTEL_* variables. Until ``start`` has
found both, OpenTelemetry is not imported, and each function here does nothing.

Spans contain no query string, header or document, because these can contain secrets.
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
    """Begin to trace this process, if it is configured and OpenTelemetry is installed.

    Call it before any client is opened, because only new clients are instrumented. ``service`` is the name of
    this process if OTEL_SERVICE_NAME gives no other.
    """
    global _provider  # noqa: PLW0603  # one for the process, like OpenTelemetry's own
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
        log.warning("tracing disabled: waybill[otel] is not installed", error=str(error))
        return
    named = Resource({"service.name": service}).merge(OTELResourceDetector().detect())
    _provider = TracerProvider(resource=Resource.create().merge(named))
    # The sampler that OTEL_TRACES_SAMPLER names decides about the rest.
    _provider.sampler = _foreground(_provider.sampler)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    PymongoInstrumentor().instrument(tracer_provider=_provider, failed_hook=_name_only)
    AiobotocoreInstrumentor().instrument(tracer_provider=_provider)


def _name_only(span: "Span", event: Any) -> None:
    """Replace MongoDB's message by the name of the error, because the message quotes the document."""
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR, event.failure.get("codeName"))


def is_on() -> bool:
    """Return whether this process is traced."""
    return _provider is not None


def stop() -> None:
    """Send all waiting spans. Takes some seconds if the server does not answer."""
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


@contextmanager
def calling(name: str) -> Iterator["Step"]:
    """Trace a request to another server, if it belongs to a trace."""
    if _provider is None:
        yield Step()
        return
    from opentelemetry.trace import SpanKind

    with _provider.get_tracer("waybill").start_as_current_span(
        name, None, SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
    ) as span:
        step = Step(span)
        try:
            yield step
        except BaseException as error:
            step.conclude({"error.type": type(error).__name__}, failed=True)
            raise


class Step:
    """One span of a trace. Does nothing if this process is not traced."""

    def __init__(self, span: "Span | None" = None) -> None:
        self._span = span

    def conclude(self, attributes: Mapping[str, str | int], failed: bool) -> None:
        """Record the outcome. An error is recorded by its class, because its text may contain secrets."""
        if self._span is None:
            return
        from opentelemetry.trace import StatusCode

        self._span.set_attributes(dict(attributes))
        if failed:
            self._span.set_status(StatusCode.ERROR)

    def rename(self, name: str) -> None:
        """Set the name, if it was not known at first."""
        if self._span is not None:
            self._span.update_name(name)


@contextmanager
def step(name: str, kind: str, carrier: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[Step]:
    """Yield a span of the trace that ``carrier`` continues, or the first span of a new trace.

    ``kind`` is `server` or `consumer`, and ``known`` are the attributes. A consumer is linked to the span
    that sent the message. Log lines meanwhile contain the trace id.
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
