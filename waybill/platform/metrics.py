"""The metrics of this process, for Prometheus.

Every label has few values, which Waybill chooses. A label never contains an owner, an id or other input.
"""

import os
import secrets
from functools import cache
from pathlib import Path

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from pydantic import SecretStr

from waybill.platform.settings import shared_metrics_folder

#: The text format that every Prometheus reads.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# They would add a series to each of ours, with the time at which its process began to count.
disable_created_metrics()

# Up to ten seconds, after which clients give up.
_REQUEST_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# From a sweep that finds nothing to a large object that takes hours to read.
_JOB_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 1800, 7200)

_requests = Counter(
    "waybill_requests",
    "Operations, by error code, or `ok`.",
    ["protocol", "operation", "code"],
)
_request_seconds = Histogram(
    "waybill_request_seconds",
    "How long operations took.",
    ["protocol", "operation"],
    buckets=_REQUEST_SECONDS,
)
PRESIGN_SECONDS = Histogram(
    "waybill_presign_seconds",
    "How long it took to sign a URL.",
    buckets=(0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.01),
)

# The sum over live processes, because subscribers end with their process.
SUBSCRIBERS = Gauge("waybill_followers", "Open streams and subscriptions.", multiprocess_mode="livesum")

_jobs = Counter("waybill_jobs", "Jobs of workers, by outcome.", ["actor", "outcome"])
_job_seconds = Histogram("waybill_job_seconds", "How long jobs took.", ["actor"], buckets=_JOB_SECONDS)
HASH_SECONDS = Histogram(
    "waybill_hash_seconds", "How long it took to read and hash an object.", buckets=_JOB_SECONDS
)
HASHED_BYTES = Counter("waybill_hashed_bytes", "Bytes of objects that workers have read and hashed.")
VERDICTS = Counter("waybill_verdicts", "Files that were verified, by final status.", ["status", "by"])

# Cached, because the look-up of labels costs more than the counting.
_requests_of = cache(_requests.labels)
_request_seconds_of = cache(_request_seconds.labels)


def count_request(protocol: str, operation: str, code: str, seconds: float | None) -> None:
    """Count one operation. ``seconds`` is None if its client decides how long it lasts, as for a stream."""
    _requests_of(protocol, operation, code).inc()
    if seconds is not None:
        _request_seconds_of(protocol, operation).observe(seconds)


def count_job(actor: str, outcome: str, seconds: float) -> None:
    """Count one finished job and its seconds."""
    _jobs.labels(actor, outcome).inc()
    _job_seconds.labels(actor).observe(seconds)


def may_collect(authorization: str, token: SecretStr | None) -> bool:
    """Return whether a request with this Authorization header may read the metrics.

    Without a token all may.
    """
    if token is None:
        return True
    scheme, _, given = authorization.partition(" ")
    expected = token.get_secret_value().encode()
    return scheme.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), expected)


def recorded() -> bytes:
    """Return the metrics of this process, or of all API processes of one `waybill api`."""
    folder = shared_metrics_folder()
    if folder is None:
        return generate_latest(REGISTRY)
    _forget_dead(folder)
    together = CollectorRegistry()
    MultiProcessCollector(together, str(folder))
    return generate_latest(together)


def _forget_dead(folder: Path) -> None:
    """Remove the gauges of processes that were killed, because they could not do it themselves."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))
