"""The endpoint for Prometheus: metrics of the API processes, and the state of the whole service."""

import asyncio
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import SecretStr
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from waybill.observe import Observed, count_files, observe
from waybill.platform.errors import Unauthenticated
from waybill.platform.metrics import CONTENT_TYPE, may_collect, recorded


class Metrics:
    """Serves metrics to clients that send the token. The embedded stack has no token, and serves everyone.

    Always answers; metrics of an unavailable dependency are omitted.
    """

    def __init__(self, token: SecretStr | None) -> None:
        self._token = token

    async def show(self, request: Request) -> Response:
        """Return all metrics, as text.

        Raises:
            Unauthenticated: the token is missing or wrong.
        """
        if not may_collect(request.headers.get("authorization", ""), self._token):
            raise Unauthenticated("Send the token: Authorization: Bearer <WAYBILL_METRICS_TOKEN>.")
        observed = await observe(request.state.resources)
        # In a thread, because with several processes it reads files.
        text = await asyncio.to_thread(recorded) + _rendered(families(observed))
        return Response(text, media_type=CONTENT_TYPE, background=BackgroundTask(count_files))


def families(observed: Observed) -> Iterator[Metric]:
    """Yield the state of the service as metrics."""
    up = GaugeMetricFamily(
        "waybill_up",
        "Whether a server that Waybill needs is available.",
        labels=["dependency"],
    )
    for name, answers in observed.answers.items():
        up.add_metric([name], answers)
    yield up
    if observed.backlog is not None:
        yield GaugeMetricFamily(
            "waybill_workers", "Workers that listen for jobs.", value=observed.backlog.workers
        )
        for name, help_text, value in (
            ("used", "Memory that Redis uses.", observed.backlog.memory),
            ("limit", "Memory that Redis may use; 0 means no limit.", observed.backlog.memory_limit),
        ):
            yield GaugeMetricFamily(f"waybill_redis_memory_{name}_bytes", help_text, value=value)
        messages = GaugeMetricFamily(
            "waybill_queue_messages", "Jobs that are not finished.", labels=["queue", "state"]
        )
        oldest = GaugeMetricFamily(
            "waybill_queue_oldest_seconds",
            "How long the oldest waiting job has waited.",
            labels=["queue"],
        )
        dead = GaugeMetricFamily("waybill_dead_letters", "Jobs that failed for good.", labels=["queue"])
        for name, queue in observed.backlog.queues.items():
            for state in ("waiting", "taken", "delayed"):
                messages.add_metric([name, state], getattr(queue, state))
            oldest.add_metric([name], queue.oldest)
            dead.add_metric([name], queue.dead)
        yield from (messages, oldest, dead)
    if observed.files is not None:
        files = GaugeMetricFamily(
            "waybill_files", "Files that are not deleted, as last counted.", labels=["status"]
        )
        sizes = GaugeMetricFamily("waybill_files_bytes", "Total size of these files.", labels=["status"])
        for status, total in observed.files.items():
            files.add_metric([status.value], total.files)
            sizes.add_metric([status.value], total.size)
        yield from (files, sizes)


def _rendered(families: Iterable[Metric]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Given(families))
    return generate_latest(registry)


class _Given(Collector):
    """A collector of given metrics."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return them, once."""
        return self._families
