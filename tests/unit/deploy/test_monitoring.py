"""What is drawn and what wakes somebody asks for metrics that there are."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from alphadiffract_stream.service import Service, Settings
from alphadiffract_stream.service._telemetry_collector import families
from alphadiffract_stream.telemetry import STAGES
from tests.deploy_commands import DEPLOY, ROOT
from tests.streams import EchoEngine, MemorySink, MemorySource

OTHERS = {
    "up",
    "nv_inference_queue_duration_us",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_request_success",
}
FUNCTIONS = {"sum", "min", "max", "by", "rate", "increase", "histogram_quantile", "or", "vector"}
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/alphadiffract.json").read_text("utf-8"))
ALERTS = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text("utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
QUERIES = {
    **{f"{p['title']} {t['refId']}": t["expr"] for p in DASHBOARD["panels"] for t in p["targets"]},
    **{rule["alert"]: rule["expr"] for rule in RULES},
}


@cache
def ours() -> dict[str, set[str]]:
    """Metrics a service gives → their labels besides Prometheus' own."""
    with TemporaryDirectory() as folder:
        settings = Settings.load(spool=Path(folder))
        service = Service([MemorySource([])], [MemorySink()], EchoEngine(), settings)
        return {
            sample.name: set(sample.labels)
            for family in families(service.state)
            for sample in family.samples
        }


def names(query: str) -> set[str]:
    """Metrics of a query: words that are no function, label, text or range."""
    query = re.sub(r"\"[^\"]*\"", "", query)
    query = re.sub(r"\[[^\]]*\]", "", query)
    query = re.sub(r"\b(by|without) *\([^)]*\)", "", query)
    query = re.sub(r"\{[^}]*\}", "", query)
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.sub(r"\b\d[\d.]*(e\d+)?\b", "", query))
    return set(words) - FUNCTIONS


@pytest.mark.parametrize("name", QUERIES)
def test_queries_ask_for_metrics_there_are(name):
    asked = names(QUERIES[name])
    assert asked
    assert asked <= ours().keys() | OTHERS, f"{name}: {asked}"


@pytest.mark.parametrize("name", QUERIES)
def test_queries_are_closed_and_name_known_labels(name):
    query = QUERIES[name]
    for opening, closing in ("()", "{}", "[]"):
        assert query.count(opening) == query.count(closing), name
    assert set(re.findall(r'stage="(\w+)"', query)) <= set(STAGES)
    labels = {
        label for group in re.findall(r"by *\(([^)]*)\)", query) for label in group.split(", ")
    }
    known = {label for metric in names(query) for label in ours().get(metric, ())}
    assert labels <= known | {"instance", "le"}, name
    for metric in names(query):
        if metric.endswith(("_total", "_bucket")) and re.search(r"rate\(|increase\(", query):
            assert re.search(rf"(rate|increase)\({metric}(\{{[^}}]*\}})?\[", query), (
                f"{name}: a counter's rate"
            )


def test_the_page_lists_every_metric_and_no_other():
    page = (ROOT / "docs/reference/metrics.md").read_text("utf-8")
    table = page.split("\n## Metrics\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| .*?\|", table, re.MULTILINE))
    written = set(re.findall(r"`(alphadiffract_\w+)", " ".join(listed)))
    given = {re.sub("_(bucket|count|sum)$", "", name) for name in ours()}
    assert written == given
    for metric, labels in ours().items():
        for label in labels - {"le"}:
            base = re.sub("_(bucket|count|sum)$", "", metric)
            assert re.search(rf"`{base}\{{[\w,]*\b{label}\b", table), (metric, label)
    assert all(f"| `{stage}` |" in table for stage in STAGES)


def test_alerts_say_what_is_wrong():
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}
        text = rule["annotations"]["description"]
        assert text.count("{{") == text.count("}}") > 0


def test_panels_fit_on_the_page_and_use_the_data_source_there_is():
    provisioned = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text("utf-8")
    )
    uids = {source["uid"] for source in provisioned["datasources"]}
    taken: set[tuple[int, int]] = set()
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["description"]
        assert {t["datasource"]["uid"] for t in panel["targets"]} | {
            panel["datasource"]["uid"]
        } <= uids


def test_folders_are_where_compose_mounts_them():
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text("utf-8"))["services"]
    provider = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/dashboards/alphadiffract.yaml").read_text("utf-8")
    )["providers"][0]
    mounts = dict(volume.split(":")[:2] for volume in compose["grafana"]["volumes"])
    assert mounts["../grafana/dashboards"] == provider["options"]["path"]
    home = compose["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/alphadiffract.json"
    prometheus = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text("utf-8"))
    folder = dict(v.split(":")[:2] for v in compose["prometheus"]["volumes"])["../prometheus"]
    for rules in prometheus["rule_files"]:
        assert (DEPLOY / "prometheus" / Path(rules).relative_to(folder)).is_file()


def test_what_is_scraped_are_services_that_listen():
    prometheus = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text("utf-8"))
    targets = {
        t for s in prometheus["scrape_configs"] for c in s["static_configs"] for t in c["targets"]
    }
    both = "".join(path.read_text("utf-8") for path in (DEPLOY / "compose").glob("*.yaml"))
    assert targets == {"serve:9464", "triton:8002"}  # 8002 is Triton's own default
    assert 'ALPHADIFFRACT_METRICS_PORT: "9464"' in both
    assert re.search(r"^  triton:$", both, re.MULTILINE)
