"""Alerts and dashboard ask for metrics that exist, and every alert says what to do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from app.observability import metrics

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RULES = [
    rule
    for group in yaml.safe_load((MONITORING / "alerts/onyx-vector-search.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboards/onyx-vector-search.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
RUNBOOK_PARTS = ("## Meaning", "## Impact", "## Diagnosis", "## Mitigation")


def series() -> dict[str, set[str]]:
    """Every series of every metric, with its labels."""
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    for metric in vars(metrics).values():
        if not isinstance(metric, Counter | Gauge | Histogram):
            continue
        name, labels = metric._name, {*metric._labelnames, "job", "instance"}
        if isinstance(metric, Histogram):
            found |= {f"{name}_bucket": {*labels, "le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[f"{name}_total" if isinstance(metric, Counter) else name] = labels
    return found


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_queries_name_series_and_labels_that_exist(query: str) -> None:
    known = series()
    named = re.findall(r"\b(up|onyx_vector_search_\w+)\b(?:\{([^}]*)\})?", query)
    assert named
    for name, matchers in named:
        assert name in known
        assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", matchers)) <= known[name]
    labels = set().union(*(known[name] for name, _ in named))
    for grouping in re.findall(r"by \(([^)]*)\)", query):
        assert {label.strip() for label in grouping.split(",")} <= labels


def test_every_metric_that_can_go_wrong_is_on_the_dashboard() -> None:
    shown = " ".join(QUERIES)
    missing = {name for name in series() if re.sub(r"_(bucket|sum|count)$", "", name) not in shown}
    assert missing <= {"onyx_vector_search_search_errors_total", "onyx_vector_search_searches_in_progress"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_runbook_that_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    page = ROOT / rule["annotations"]["runbook_url"]
    assert page.stem == rule["alert"]
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {rule['alert']}\n")
    assert [part for part in RUNBOOK_PARTS if part not in text] == []


def test_every_runbook_has_an_alert() -> None:
    assert {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")} == {rule["alert"] for rule in RULES}


def test_every_alert_has_a_unit_test() -> None:
    tests = yaml.safe_load((MONITORING / "tests/onyx-vector-search.yaml").read_text("utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    stays_silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fires == stays_silent == {rule["alert"] for rule in RULES}


def test_the_dashboard_follows_the_conventions_of_onyx() -> None:
    assert DASHBOARD["uid"].startswith("onyx-")
    assert DASHBOARD["schemaVersion"] == 37
    assert DASHBOARD["templating"]["list"][0]["name"] == "DS_PROMETHEUS"
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${DS_PROMETHEUS}"
        assert panel["fieldConfig"]["defaults"]["unit"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]}
    assert len(places) == len(DASHBOARD["panels"])
