"""Metrics keep Prometheus' conventions and are all documented; dashboard and alerts ask for no others."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric

from render_service.telemetry.metrics.server import SERVER
from render_service.telemetry.metrics.shared import SHARED
from render_service.telemetry.metrics.worker import WORKER

ROOT = Path(__file__).parents[2]
# Each has few values: none is an id, or a text of a caller's making.
LABELS = {
    "code", "method", "operation", "origin", "outcome", "provider", "reason", "rpc", "stage", "state", "status",
    "store", "unit",
}  # fmt: skip


def exposed() -> Iterator[tuple[Metric, str]]:
    """Every metric, with its name on the page."""
    for registry in (SHARED, SERVER, WORKER):
        for metric in registry.collect():
            yield metric, f"{metric.name}_total" if metric.type == "counter" else metric.name


def documented() -> dict[str, set[str]]:
    """The metrics of the reference, with their labels."""
    page = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)(?:\{([\w,]+)\})?` \|", page, re.MULTILINE)
    return {name: set(labels.split(",")) - {""} for name, labels in rows}


def asked(text: str) -> set[str]:
    """The metrics that queries ask for."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\b(?:render|process)_\w+", text)}


def test_the_reference_lists_exactly_the_metrics_there_are() -> None:
    assert documented().keys() == {name for _, name in exposed()}


def test_names_and_labels_keep_the_conventions() -> None:
    for metric, name in exposed():
        assert re.fullmatch(r"(render|process)(_[a-z]+)+", name)
        assert not re.search(r"_(milliseconds|ms|minutes|kb|mb|percent)\b", name), "base units only"
        assert (metric.type != "histogram") or name.endswith("_seconds")
        assert metric.documentation
        assert documented()[name] <= LABELS


def test_the_dashboard_shows_every_figure_and_asks_for_no_other() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/render-service.json").read_text(encoding="utf-8"))
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    queries = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    ours = {name for _, name in exposed() if name.startswith("render_")}
    assert ours <= asked(queries) <= {name for _, name in exposed()}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


RULES = (ROOT / "deploy/prometheus/alerts.yaml").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)\n(.*?)(?=\n\n|\Z)", RULES, re.DOTALL)


@pytest.mark.parametrize(("alert", "rule"), ALERTS, ids=[alert for alert, _ in ALERTS])
def test_an_alert_asks_for_metrics_there_are_and_says_what_to_do(alert: str, rule: str) -> None:
    names = asked(rule)
    assert names
    assert names <= {name for _, name in exposed()}
    assert f"runbook: docs/reference/operating.md#{alert.lower()}" in rule
    operating = (ROOT / "docs/reference/operating.md").read_text(encoding="utf-8")
    assert re.search(rf"^### {alert}\n\n\S", operating, re.MULTILINE), "no section says what to do"


def test_no_alert_is_overlooked_here() -> None:
    assert len(ALERTS) == RULES.count("- alert:") >= 10
