"""What calls a person, and what people look at, asks for what is really counted."""

import json
import math
import re
import subprocess
from pathlib import Path

import prometheus_client
import pytest
import yaml

from deploy.config.services import PUBLIC
from deploy.ctl import verification
from deploy.ctl.installation import Installation
from deploy.harness.packages import require
from deploy.harness.ports import free_port
from deploy.observability.dashboards import DASHBOARDS, dashboard
from services.payout.commands import attempts, metrics, transfers
from services.purchase.commands import refusals
from services.webhooks.commands import deliveries
from services.webhooks.jobs import measures
from shared.messaging.topology import DEAD_LETTERS_MAX
from shared.observability import metrics as telemetry

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "deploy" / "observability"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
TESTS = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
OVERLAY = yaml.safe_load((ROOT / "deploy" / "compose.observability.yml").read_text())["services"]
CONTAINERS = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
WATCHERS = [name for name in OVERLAY if name not in CONTAINERS]
COUNTED_IN = (
    *(telemetry, verification, attempts, transfers, refusals, metrics),
    *(deliveries, measures),
)


@pytest.fixture(scope="module")
def promtool():
    try:
        return require("promtool", "prometheus")
    except RuntimeError as missing:
        pytest.skip(f"NO PROMTOOL, so no alert was tried: {missing}")


def test_every_alert_fires_when_it_should_and_only_then(promtool):
    command = [promtool, "test", "rules", "alerts_test.yml"]
    tested = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)

    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_prometheus_accepts_its_configuration(promtool):
    command = [promtool, "check", "config", "prometheus.yml"]
    tested = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)

    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("alert", [rule["alert"] for rule in RULES])
def test_every_alert_is_tried_both_ways(alert):
    tried = [one for test in TESTS for one in test["alert_rule_test"] if one["alertname"] == alert]

    assert [bool(one["exp_alerts"]) for one in tried] == [True, False]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule):
    page = ROOT / rule["annotations"]["runbook"]

    assert page.exists()
    assert f"`{rule['alert']}`" in page.read_text()
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_every_service_that_is_looked_for_is_missed_when_it_is_gone():
    """Docker forgets the name of what does not run, and Prometheus then forgets the target."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    (names,) = (it["names"] for job in config for it in job.get("dns_sd_configs", ()))
    (gone,) = (rule["expr"] for rule in RULES if rule["alert"] == "ServiceGone")

    assert re.findall(r'absent\(up\{job="ovation", service="(\w+)"\}\)', gone) == names


async def test_services_that_were_never_compared_do_not_disagree():
    """An auditor that starts before its servers says that it could not compare, and no more."""
    nowhere = f"127.0.0.1:{free_port()}"
    installation = Installation(nowhere, f"http://{nowhere}", nowhere, secret=lambda _: "unknown")
    failures = prometheus_client.REGISTRY.get_sample_value("ovation_reconcile_failures_total")

    await verification.compare_and_report(installation, hours=1)

    sample = prometheus_client.REGISTRY.get_sample_value
    assert math.isnan(sample("ovation_services_agree"))
    assert sample("ovation_reconcile_failures_total") == failures + 1


def test_nothing_is_asked_for_that_nobody_counts():
    asked = " ".join(
        [rule["expr"] for rule in RULES]
        + [ask for panels in DASHBOARDS.values() for panel in panels for ask in panel.asks.values()]
    )

    assert set(re.findall(r"\bovation_[a-z_]+", asked)) <= _counted()


def test_somebody_is_called_before_a_dead_letter_queue_takes_no_more():
    (alert,) = (rule for rule in RULES if rule["alert"] == "DeadLettersNearlyFull")

    assert alert["expr"].endswith(f"> {DEAD_LETTERS_MAX * 80 // 100}")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_has_no_two_panels_in_one_place(name):
    panels = json.loads(json.dumps(dashboard(name, DASHBOARDS[name])))["panels"]

    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)


@pytest.mark.parametrize("name", WATCHERS)
def test_who_watches_is_confined_and_seen_from_this_machine_alone(name):
    watcher = OVERLAY[name]

    assert watcher["cap_drop"] == ["ALL"]
    assert watcher["security_opt"] == ["no-new-privileges:true"]
    assert watcher["read_only"] is True
    assert watcher["mem_limit"]
    assert re.match(r"\$\{[A-Z_]+:-", watcher["image"])
    assert all(port.startswith("127.0.0.1:") for port in watcher.get("ports", ()))


@pytest.mark.parametrize("name", PUBLIC)
def test_a_service_sends_its_traces_to_where_they_are_taken(name):
    jaeger = yaml.safe_load((FOLDER / "jaeger.yml").read_text())
    takes = jaeger["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    environment = OVERLAY[name]["environment"]

    endpoint = re.fullmatch(
        r"\$\{\w+:-http://(\w+):(\d+)\}", environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
    )
    host, port = endpoint.groups()
    assert OVERLAY[host]["volumes"] == ["./deploy/observability/jaeger.yml:/etc/jaeger.yml:ro"]
    assert takes == f"0.0.0.0:{port}"
    assert "front" in OVERLAY[host]["networks"]
    assert "front" in CONTAINERS[name]["networks"]


def test_jaeger_is_asked_for_nothing_it_was_not_given():
    """Its binary is not here to say so itself."""
    jaeger = yaml.safe_load((FOLDER / "jaeger.yml").read_text())
    (storage,) = jaeger["extensions"]["jaeger_storage"]["backends"]

    traces = jaeger["service"]["pipelines"]["traces"]
    assert set(jaeger["service"]["extensions"]) == set(jaeger["extensions"])
    for kind in ("receivers", "processors", "exporters"):
        assert set(traces[kind]) == set(jaeger[kind])
    assert jaeger["exporters"]["jaeger_storage_exporter"]["trace_storage"] == storage
    assert jaeger["extensions"]["jaeger_query"]["storage"]["traces"] == storage


def test_prometheus_and_grafana_look_where_somebody_answers():
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    sources = yaml.safe_load(
        (FOLDER / "grafana" / "provisioning" / "datasources" / "ovation.yml").read_text()
    )["datasources"]
    asked = {
        target.split(":")[0]
        for job in config
        for place in job.get("static_configs", ())
        for target in place["targets"]
    }
    by_name = {
        name for job in config for it in job.get("dns_sd_configs", ()) for name in it["names"]
    }

    assert by_name == {*PUBLIC, "auditor"}
    assert asked | by_name <= {*CONTAINERS, *WATCHERS}
    for source in sources:
        host, port = source["url"].removeprefix("http://").split(":")
        assert host in WATCHERS
        assert OVERLAY[host]["ports"][0].endswith(f":{port}")


def _counted():
    """The name of every sample that our metrics may have."""
    kinds = (prometheus_client.Counter, prometheus_client.Gauge, prometheus_client.Histogram)
    metrics = [it for module in COUNTED_IN for it in vars(module).values() if isinstance(it, kinds)]
    names = {found.name for metric in metrics for found in metric.describe()}
    return {f"{name}{ending}" for name in names for ending in ("", "_total", "_bucket")}
