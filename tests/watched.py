"""A Waybill that is looked at: what its metrics and its logs say."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from stack.process import Child
from stack.stack import Stack
from tests.collector import Collector, collecting
from tests.service import Service, free_port, running_service, start_worker
from tests.waiting import until, wait_until

METRICS_TOKEN = "a-token-of-prometheus-alone"
BEARER = {"Authorization": f"Bearer {METRICS_TOKEN}"}

#: Samples by name and labels.
Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class Watched:
    """A service, where its worker has its metrics, and where its traces go."""

    service: Service
    worker_address: str
    collector: Collector

    def api(self) -> "Metrics":
        """What the API exposes now."""
        return Metrics.of(httpx.get(f"{self.service.address}/metrics", headers=BEARER))

    def worker(self) -> "Metrics":
        """What the worker exposes now."""
        return Metrics.of(httpx.get(f"{self.worker_address}/metrics", headers=BEARER))


@dataclass
class Metrics:
    """What one place exposed at one time."""

    samples: Samples

    @classmethod
    def of(cls, response: httpx.Response) -> "Metrics":
        assert response.status_code == 200, response.text
        return cls(
            {
                (sample.name, frozenset(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(response.text)
                for sample in family.samples
            }
        )

    def get(self, name: str, **labels: str) -> float:
        """The value of one series; a counter that is not there has counted nothing yet."""
        absent = 0 if name.endswith(("_total", "_count", "_sum")) else math.nan
        return self.samples.get((name, frozenset(labels.items())), absent)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.samples}


@contextmanager
def watched_service(stack: Stack) -> Iterator[Watched]:
    """A service whose metrics and traces are collected."""
    with collecting() as collector, ExitStack() as running:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
            # Milliseconds that a span waits for others to be sent with.
            environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
            service = running.enter_context(running_service(stack, metrics_token=METRICS_TOKEN))
        service.worker.stop()
        port = free_port()
        service.worker = start_worker(service, "--metrics-port", str(port))
        observed_service = Watched(service, f"http://127.0.0.1:{port}", collector)
        _wait_until_told(observed_service)
        yield observed_service


def _wait_until_told(observed_service: Watched) -> None:
    def is_told() -> bool:
        try:
            return bool(observed_service.worker())
        except httpx.TransportError:
            return False

    wait_until(is_told, observed_service.service.worker.exit_report, 30)


async def lines(child: Child, **members: Any) -> list[dict[str, Any]]:
    """The lines of a process' log that have these members, once there are some."""

    def logged() -> list[dict[str, Any]]:
        written = [json.loads(line) for line in child.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in written if members.items() <= line.items()]

    return await until(logged, f"a line with {members}", 20)


async def metrics_when(read: Callable[[], Metrics], condition: Callable[[Metrics], bool]) -> Metrics:
    """What is exposed, once the condition holds of it."""

    def look() -> Metrics | None:
        return metrics if condition(metrics := read()) else None

    metrics = await until(look, read, 20)
    assert metrics is not None
    return metrics
