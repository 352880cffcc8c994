"""What docs/ops promises: a dashboard, alerts and a collector of metrics that there are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from api.metrics import families
from waybill.files.lifecycle import Status
from waybill.files.usage.sums import Sum
from waybill.observe import Observed
from waybill.platform import metrics
from waybill.platform.redis.backlog import Backlog, Queue

OPS = Path(__file__).parents[1] / "docs" / "ops"
DASHBOARD = json.loads((OPS / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = [
    rule for group in yaml.safe_load((OPS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
PROMETHEUS = yaml.safe_load((OPS / "prometheus.yml").read_text())
SERVICES = yaml.safe_load((OPS.parents[1] / "docker-compose.yml").read_text())["services"]

QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]] + [
    rule["expr"] for rule in RULES
]

#: Prometheus' own, of each place that it collects from, and of each process.
GIVEN = {"up": {"job", "instance"}, "process_resident_memory_bytes": {"job", "instance"}}


def exposed() -> dict[str, set[str]]:
    """Every series that we expose, with its labels."""
    metrics.count_request("rest", "listFiles", "ok", 0.1)
    metrics.count_job("verify_upload", "done", 0.1)
    metrics.VERDICTS.labels("COMPLETED", "worker")
    everything = Observed(
        {"mongodb": True}, Backlog({"hashing": Queue(1, 1, 1, 1, 1)}, 1, 1, 1), {Status.COMPLETED: Sum(1, 1)}
    )
    found: dict[str, set[str]] = {}
    for family in (*REGISTRY.collect(), *families(everything)):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def used(query: str) -> Iterator[tuple[str, set[str]]]:
    """The series of a query, each with the labels that it is selected by."""
    bare = re.sub(r"\b(?:by|without) \([^)]*\)", "", query)
    for name, selectors in re.findall(r"\b(waybill_\w+|process_\w+|up)\b(?:\{([^}]*)\})?", bare):
        yield name, set(re.findall(r'(\w+)(?:=~|!=|=)"', selectors))


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_is_of_series_and_labels_that_there_are(query: str) -> None:
    known = exposed() | GIVEN
    series = dict(used(query))
    assert series
    for name, labels in series.items():
        assert name in known
        assert labels <= known[name] | {"job"}
    grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(",")}
    assert grouped <= set().union(*(known[name] for name in series))


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {name for query in QUERIES for name, _ in used(query)}
    ours = {name for name in exposed() if name.startswith("waybill_")}
    # Of a histogram its buckets are shown, which hold the other two.
    assert {name for name in ours if not name.endswith(("_sum", "_count"))} == {
        name for name in shown if name.startswith("waybill_")
    }


def test_no_label_is_of_a_client() -> None:
    labels = set().union(*(labels for name, labels in exposed().items() if name.startswith("waybill_")))
    assert labels == {
        *("protocol", "operation", "code", "actor", "outcome", "status", "by", "queue", "state"),
        *("dependency", "le"),
    }


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert DASHBOARD["schemaVersion"] >= 40
    assert "id" not in DASHBOARD, "Grafana gives it one"
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        covered = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not covered & places, f"{panel['title']} lies upon another"
        places |= covered
    for panel in PANELS:
        assert panel["title"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == panel["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["alert"].startswith("Waybill")
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))


def test_prometheus_collects_where_compose_has_the_metrics() -> None:
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in PROMETHEUS["scrape_configs"]}
    assert jobs["waybill-api"]["names"] == ["api"]
    assert jobs["waybill-api"]["port"] == 8000
    for name in jobs["waybill-worker"]["names"]:
        command = SERVICES[name]["command"]
        assert command[command.index("--metrics-port") + 1] == str(jobs["waybill-worker"]["port"])
    mounted = {
        volume.split(":")[0] for name in ("prometheus", "grafana") for volume in SERVICES[name]["volumes"]
    }
    files = {f"./docs/ops/{path.relative_to(OPS)}" for path in OPS.rglob("*") if path.is_file()}
    assert files == mounted - {"prometheus", "grafana"}
    assert PROMETHEUS["rule_files"] == ["alerts.yml"]
