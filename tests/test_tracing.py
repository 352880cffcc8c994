"""Traces: one from a request to the store requests of its job, and none if tracing is not configured."""

import os
import secrets
import subprocess
import sys
import time
from operator import gt
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import put, settled, stored
from tests.watched import Metrics, Watched, lines, metrics_when


def ancestors(spans: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """A span of that name, and those that led to it: service and name of each."""
    (_, span) = next((service, span) for service, span in spans.values() if span.name == name)
    path: list[tuple[str, str]] = []
    while True:
        found = spans.get(span.span_id.hex())
        if found is None:
            return path
        path.append((found[0], span.name))
        parent = spans.get(span.parent_span_id.hex())
        if parent is None:
            return path
        span = parent[1]


async def test_one_trace_goes_from_complete_to_the_object(observed_service: Watched, owner: str) -> None:
    trace_id = secrets.token_hex(16)
    content = os.urandom(1000)
    async with observed_service.service.client(owner) as client:
        api = RestApi(client)
        requested = await api.request(name="a", size=len(content))
        await put(requested.data["upload"], content)
        client.headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-01"
        await api.complete(requested.id)
        del client.headers["traceparent"]
        await settled(api, requested.id)

    def names() -> set[str]:
        return {span.name for _, span in observed_service.collector.spans(trace_id).values()}

    # A span is sent when it ends: the job's comes last.
    observed_service.collector.wait(lambda: {"verify_upload", "S3.GetObject"} <= names())
    spans = observed_service.collector.spans(trace_id)
    assert ancestors(spans, "S3.GetObject") == [
        ("waybill-worker", "S3.GetObject"),
        ("waybill-worker", "verify_upload"),
        ("waybill-api", "send verify_upload"),
        ("waybill-api", "POST /api/v1/files/{id}/complete"),
    ]
    by_name = {span.name: span for _, span in spans.values()}
    sent, verified = by_name["send verify_upload"], by_name["verify_upload"]
    assert (sent.kind, verified.kind) == (Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER)
    assert [link.span_id for link in verified.links] == [sent.span_id]
    database = observed_service.service.settings.mongodb_database
    assert {service for service, span in spans.values() if span.name == f"{database}.findAndModify"} == {
        "waybill-api",
        "waybill-worker",
    }
    assert await lines(observed_service.service.api, event="request", trace_id=trace_id)
    assert await lines(observed_service.service.worker, event="verified", trace_id=trace_id)


async def test_what_runs_without_a_request_is_in_no_trace(observed_service: Watched, owner: str) -> None:
    """Sweeps, folds of sums, the reader of webhooks, probes and metrics."""
    began_at = time.time_ns()
    async with observed_service.service.client(owner) as client:
        url = "http://127.0.0.1:9/hooks"
        webhook = (await client.post("/api/v1/webhooks", json={"url": url})).json()["webhook"]
        for probe in ("/healthz", "/readyz"):
            assert (await client.get(probe)).status_code == 200
        assert observed_service.api().names

        def sweeps(worker: Metrics) -> list[float]:
            return [
                worker.get("waybill_jobs_total", actor=actor, outcome="done")
                for actor in ("reconcile", "expire_uploads")
            ]

        before = sweeps(observed_service.worker())
        await metrics_when(observed_service.worker, lambda now: all(map(gt, sweeps(now), before)))
        await client.delete(f"/api/v1/webhooks/{webhook['id']}")
        # Spans are sent in the order in which they end: after these two, those of before are there.
        trace_id = secrets.token_hex(16)
        client.headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-01"
        await stored(RestApi(client), b"a")
    observed_service.collector.wait(
        lambda: (
            {"verify_upload", "POST /api/v1/files/{id}/complete"}
            <= {span.name for _, span in observed_service.collector.spans(trace_id).values()}
        )
    )
    roots = [
        (service, span.name)
        for service, span in observed_service.collector.spans().values()
        if not span.parent_span_id and span.start_time_unix_nano > began_at
    ]
    # The two requests of this test that name no trace.
    assert roots == [
        ("waybill-api", "POST /api/v1/webhooks"),
        ("waybill-api", "DELETE /api/v1/webhooks/{id}"),
    ]


async def test_whoever_reads_changes_for_ever_is_not_traced(observed_service: Watched, owner: str) -> None:
    """The reader is begun by the first who follows, and asks MongoDB again and again."""
    trace_id = secrets.token_hex(16)
    service = observed_service.service
    async with service.client(owner) as client:
        client.headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-01"
        async with client.stream("GET", "/api/v1/files/events") as response:
            blocks = response.aiter_lines()
            assert "position" in await anext(blocks)
            await RestApi(client).request(name="a", size=1)
            while "event: file" not in await anext(blocks):
                pass
    observed_service.collector.wait(
        lambda: any("events" in span.name for _, span in observed_service.collector.spans(trace_id).values())
    )
    database = service.settings.mongodb_database
    assert f"{database}.getMore" not in {
        span.name for _, span in observed_service.collector.spans(trace_id).values()
    }


async def test_no_secret_stands_in_a_trace(observed_service: Watched, owner: str) -> None:
    trace_id = secrets.token_hex(16)
    async with observed_service.service.client(owner) as client:
        api = RestApi(client)
        content = os.urandom(10)
        file = await stored(api, content, name="a-name-to-look-for.txt")
        client.headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-01"
        token = client.headers["authorization"].rpartition(".")[2]
        path = f"/api/v1/files/{file['id']}/download?redirect=true&token={token}"
        assert (await client.get(path)).status_code == 422
        link = (await client.get(f"/api/v1/files/{file['id']}/download?redirect=true")).headers["location"]
        # MongoDB refuses to complete it, and says why in many words.
        assert (await stored(api, content))["status"] == "DUPLICATE"
    observed_service.collector.wait(
        lambda: any(
            span.status.message == "DuplicateKey"
            for _, span in observed_service.collector.spans(trace_id).values()
        )
    )
    sent = b"".join(observed_service.collector.raw)
    secret = observed_service.service.settings.s3_secret_key.get_secret_value()
    for each in (token, "X-Amz-", link.rpartition("=")[2], secret, file["name"], owner):
        assert each.encode() not in sent


def test_nothing_of_it_is_imported_where_no_traces_are_wanted(service: Service) -> None:
    """By us: redis-py looks for OpenTelemetry's metrics by itself."""
    program = (
        "import sys; from cli.serve import create_served_app; create_served_app(); import actors;"
        " parts = ('opentelemetry.exporter', 'opentelemetry.instrumentation');"
        " print([name for name in sys.modules if name.startswith(parts)])"
    )
    printed = subprocess.check_output([sys.executable, "-c", program], env=dict(service.env), text=True)
    assert printed == "[]\n"
