"""Dashboard and alerts: every metric exists, every query parses, every alert fires when it should and only then."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from support.asking import Asker
from support.policies import ROOT
from support.service import Bench, make_bench

from cookiegate.web.metrics import Metrics
from cookiegate.workers import metrics
from cookiegate.workers.running import Tallies

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "cookiegate.json").read_text())
RULES: list[dict[str, Any]] = YAML(typ="safe").load(ALERTS.read_text())["groups"][0]["rules"]
OPERATE = ROOT / "docs" / "how-to" / "operate.md"
_EVENTS = (ROOT / "widget" / "src" / "parts" / "google.js", r'push\({ event: "(cookiegate_[a-z_]+)"')
_FILTERS = (ROOT / "examples" / "wordpress" / "cookiegate.php", r"apply_filters\( '(cookiegate_[a-z_]+)'")
#: Pages that name something else besides: the event in a tag manager's `dataLayer`, the plug-in's filters. By file of
#: the code that makes these names.
NO_METRICS = {"google-tag-manager.md": _EVENTS, "stop-trackers.md": _EVENTS, "wordpress.md": _FILTERS}
#: What Prometheus itself, node_exporter and kube-state-metrics tell.
OF_OTHERS = {
    "up",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_systemd_timer_last_trigger_seconds",
    "node_systemd_unit_state",
    "kube_cronjob_created",
    "kube_cronjob_status_last_successful_time",
    "kube_job_status_failed",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
}
_NAME = re.compile(r"\b((?:cookiegate|node|kube|kubelet)_[a-z_]+|up)\b(?:\{([^}]*)\})?(?!\()")
_HOUR = 3_600
WELL = {
    'up{job="cookiegate",instance="a"}': "1x220",
    'cookiegate_followed_at_seconds{instance="a"}': "0+60x220",
    'cookiegate_ledger_damaged{instance="a"}': "0x220",
    'cookiegate_ledger_size{instance="a"}': "500+1x220",
    'cookiegate_ledger_unsealed_age_seconds{instance="a"}': "0x220",
    'cookiegate_requests_total{route="/w/<site>.js",status="200"}': "0+1000x220",
    'cookiegate_requests_total{route="/w/<site>.js",status="503"}': "0+1x220",
    'cookiegate_request_seconds_bucket{route="/w/<site>.js",le="0.01"}': "0+1000x220",
    'cookiegate_request_seconds_bucket{route="/w/<site>.js",le="0.5"}': "0+1000x220",
    'cookiegate_request_seconds_bucket{route="/w/<site>.js",le="+Inf"}': "0+1000x220",
    'cookiegate_rights_requests{state="overdue"}': "0x220",
    'cookiegate_rights_requests{state="open"}': "7x220",
    'cookiegate_outbox_oldest_seconds{channel="mail",state="pending"}': "20x220",
    'cookiegate_outbox_rows{channel="mail",state="failed"}': "0x220",
    'cookiegate_stream_oldest_seconds{subscriber="shop",stream="erase"}': "20x220",
    'cookiegate_redis_breaker{instance="a"}': "0x220",
    'cookiegate_purged_at_seconds{instance="a"}': "0+60x220",
    'cookiegate_clock_implausible{instance="a"}': "0x220",
    'node_filesystem_avail_bytes{mountpoint="/var/lib/cookiegate"}': "50x220",
    'node_filesystem_size_bytes{mountpoint="/var/lib/cookiegate"}': "100x220",
    'node_systemd_timer_last_trigger_seconds{name="cookiegate-backup.timer"}': "0+60x220",
    'node_systemd_unit_state{name="cookiegate-verify.service",state="failed"}': "0x220",
}
#: What makes each alert fire, instead of what is above.
ILL = {
    "CookiegateDown": {'up{job="cookiegate",instance="a"}': "0x220"},
    "CookiegateStorageUnavailable": {'cookiegate_followed_at_seconds{instance="a"}': "0x220"},
    "CookiegateLedgerDamaged": {'cookiegate_ledger_damaged{instance="a"}': "1x220"},
    "CookiegateLedgerShrank": {'cookiegate_ledger_size{instance="a"}': "500x190 9x30"},
    "CookiegateLedgerNotSealed": {'cookiegate_ledger_unsealed_age_seconds{instance="a"}': "0+60x220"},
    "CookiegateErrors": {'cookiegate_requests_total{route="/w/<site>.js",status="503"}': "0+20x220"},
    "CookiegateSlow": {'cookiegate_request_seconds_bucket{route="/w/<site>.js",le="0.01"}': "0+900x220"},
    "CookiegateRequestsOverdue": {'cookiegate_rights_requests{state="overdue"}': "1x220"},
    "CookiegateOutboxWaits": {'cookiegate_outbox_rows{channel="mail",state="failed"}': "1x220"},
    "CookiegateErasureNotAcknowledged": {
        'cookiegate_stream_oldest_seconds{subscriber="shop",stream="erase"}': "90000x220"
    },
    "CookiegateRedisAway": {'cookiegate_redis_breaker{instance="a"}': "2x220"},
    "CookiegateNotPurged": {'cookiegate_purged_at_seconds{instance="a"}': "60x220"},
    "CookiegateClockImplausible": {'cookiegate_clock_implausible{instance="a"}': "1x220"},
    "CookiegateDiskFills": {'node_filesystem_avail_bytes{mountpoint="/var/lib/cookiegate"}': "10x220"},
    "CookiegateBackupOld": {
        'node_systemd_timer_last_trigger_seconds{name="cookiegate-backup.timer"}': f"-{40 * _HOUR}x220"
    },
    "CookiegateBackupOrVerificationFailed": {
        'node_systemd_unit_state{name="cookiegate-verify.service",state="failed"}': "1x220"
    },
}


#: Other ways to fall ill: the alert, how, the series that are not there, those that are.
ILL_TOO: list[tuple[str, str, tuple[str, ...], dict[str, str]]] = [
    ("CookiegateDown", "nothing is scraped", ("up{",), {}),
    ("CookiegateNotPurged", "never since it was set up", ("cookiegate_purged_at",), {}),
    (
        "CookiegateDiskFills",
        "a volume",
        (),
        {
            'kubelet_volume_stats_available_bytes{persistentvolumeclaim="cookiegate-data"}': "10x220",
            'kubelet_volume_stats_capacity_bytes{persistentvolumeclaim="cookiegate-data"}': "100x220",
        },
    ),
    (
        "CookiegateBackupOld",
        "never one, on Kubernetes",
        (),
        {'kube_cronjob_created{cronjob="cookiegate-backup"}': f"-{40 * _HOUR}x220"},
    ),
    (
        "CookiegateBackupOrVerificationFailed",
        "a job, on Kubernetes",
        (),
        {'kube_job_status_failed{job_name="cookiegate-backup-29400000"}': "1x220"},
    ),
]


def _without(series: dict[str, str], *starts: str) -> dict[str, str]:
    return {selector: values for selector, values in series.items() if not selector.startswith(starts or ("-",))}


def dashboard_queries() -> list[str]:
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    return [*found, *(item["expr"] for item in DASHBOARD["annotations"]["list"])]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Every metric of a running service with its labels."""
    bench = make_bench(tmp_path_factory.mktemp("service"))
    asker = Asker(bench, bench.visitor())
    assert asker.visitor.decide("accept").status_code == 201
    text = asker.visitor.send("GET", "/metrics").get_data(as_text=True)
    labels = {f"{collector._name}": set(collector._labelnames) for collector in _own_collectors(bench.service.metrics)}
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        of_samples = {name for sample in family.samples for name in sample.labels}
        for end in ends:
            found[family.name + end] = of_samples | labels.get(family.name, set()) | {"le", "instance", "job"}
    bench.service.close()
    return found


def _own_collectors(metrics: Metrics) -> list[Any]:
    known = metrics.registry._collector_to_names
    return [collector for collector in known if hasattr(collector, "_labelnames")]


@pytest.mark.parametrize("query", [*dashboard_queries(), *(rule["expr"] for rule in RULES)])
def test_every_metric_exists_with_its_labels(query: str, shown: dict[str, set[str]]) -> None:
    names = _NAME.findall(query)
    assert names
    for name, selector in names:
        assert name in shown or name in OF_OTHERS, name
        if name in shown:
            assert set(re.findall(r"(\w+)\s*[=!]~?", selector)) <= shown[name], (name, selector)


def test_every_metric_that_the_pages_name_exists(shown: dict[str, set[str]]) -> None:
    known = {*shown, *metrics_of_a_worker()}
    for page in OPERATE.parent.glob("*.md"):
        others = names_of_others(page.name)
        named = set(re.findall(r"\bcookiegate_[a-z_]+", page.read_text(encoding="utf-8")))
        for name in named - others:
            assert any(metric.startswith(name) for metric in known), (page.name, name)
        assert named & others or page.name not in NO_METRICS, f"{page.name} needs no line in NO_METRICS"


def names_of_others(page: str) -> set[str]:
    """What a page may name that is no metric, as the code makes it."""
    if page not in NO_METRICS:
        return set()
    file, made = NO_METRICS[page]
    return set(re.findall(made, file.read_text(encoding="utf-8")))


def metrics_of_a_worker() -> list[str]:
    """The names of what a worker shows on a port of its own."""
    with metrics.shown(Tallies(lag=0), "127.0.0.1", 0) as port:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with closing(line):
            line.request("GET", "/metrics")
            text = line.getresponse().read().decode()
    families = text_string_to_metric_families(text)
    return [family.name + ("_total" if family.type == "counter" else "") for family in families]


def test_every_alert_is_valid() -> None:
    done = subprocess.run(["promtool", "check", "rules", ALERTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {rule["labels"]["severity"] for rule in RULES} == {"page", "ticket"}


def test_every_query_of_the_dashboard_parses(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(dashboard_queries())]
    file = tmp_path / "queries.yaml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["uid"] == "cookiegate"
    assert DASHBOARD["templating"]["list"][0]["type"] == "datasource"
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & places, panel["title"]
        places |= cells
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"]
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${source}"}
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def _scene(name: str, series: dict[str, str], firing: str | None) -> dict[str, Any]:
    fires = [{"labels": f'{{alertname="{firing}"}}', "value": 1}] if firing else []
    query = 'count by (alertname) (ALERTS{alertstate="firing"})'
    rows = [{"series": selector, "values": values} for selector, values in series.items()]
    return {
        "name": name,
        "interval": "1m",
        "input_series": rows,
        "promql_expr_test": [{"expr": query, "eval_time": "210m", "exp_samples": fires}],
    }


def test_every_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    assert set(ILL) == {rule["alert"] for rule in RULES}
    scenes = [_scene("all is well", WELL, None)]
    scenes += [_scene(alert, {**WELL, **changed}, alert) for alert, changed in ILL.items()]
    scenes += [
        _scene(f"{alert}: {why}", {**_without(WELL, *gone), **changed}, alert) for alert, why, gone, changed in ILL_TOO
    ]
    file = tmp_path / "scenes.yaml"
    file.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": scenes}))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_requests_that_wait_are_counted_and_those_past_their_time_too(bench: Bench) -> None:
    known = Asker(bench, bench.visitor())
    assert known.visitor.decide("accept").status_code == 201
    assert _requests(bench) == {"open": 0, "overdue": 0}
    assert known.ask("complaint", message="You did not answer me.").status_code == 201
    assert _requests(bench) == {"open": 0, "overdue": 0}, "read once a minute"
    bench.clock.advance(60)
    assert _requests(bench) == {"open": 1, "overdue": 0}
    bench.clock.advance(90 * 86_400)
    assert _requests(bench) == {"open": 1, "overdue": 1}


def _requests(bench: Bench) -> dict[str, int]:
    text = bench.service.metrics.exposition().decode()
    return {state: int(float(count)) for state, count in re.findall(r'rights_requests\{state="(\w+)"\} (\S+)', text)}
