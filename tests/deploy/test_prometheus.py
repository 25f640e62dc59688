"""A real Prometheus asks a real system what our alerts and dashboards ask."""

import re
import time
from pathlib import Path

import httpx
import pytest
import yaml

from deploy.config.services import PUBLIC
from deploy.harness.packages import require
from deploy.harness.ports import free_port
from deploy.harness.processes import Process
from deploy.observability.dashboards import DASHBOARDS
from tests.journeys.people import eventually, stage_on

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "observability"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
# What only containers of the overlay tell, and what is counted once something went wrong.
NOT_HERE = r"\bpg_|ovation_services_agree"
NOTHING_YET = r'status=~"5|disputed|reconnects'


@pytest.fixture(scope="module")
def prometheus(system, tmp_path_factory):
    """Prometheus with our own configuration, but for where things are and how often it looks."""
    try:
        program = require("prometheus", "prometheus")
    except RuntimeError as missing:
        pytest.skip(f"NO PROMETHEUS, so nothing was asked: {missing}")
    folder = tmp_path_factory.mktemp("prometheus")
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FOLDER / "alerts.yml")]
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    del jobs["postgres"], jobs["ovation"]["dns_sd_configs"], jobs["ovation"]["relabel_configs"]
    jobs["ovation"]["static_configs"] = [_at(system.urls[name], service=name) for name in PUBLIC]
    if system.rabbit.metrics_url is None:
        del jobs["rabbitmq"], jobs["queues"]
    else:
        jobs["queues"]["params"]["vhost"] = [system.endpoints_of("gift").vhost]
        for name in ("rabbitmq", "queues"):
            jobs[name]["static_configs"] = [_at(system.rabbit.metrics_url)]
    config["scrape_configs"] = list(jobs.values())
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    server = Process(
        name="prometheus",
        command=[
            str(program),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        log=folder / "prometheus.log",
    )
    url = f"http://127.0.0.1:{port}"
    server.start()
    try:
        server.wait_until(lambda: _answers(f"{url}/-/ready"), seconds_max=60)
        with httpx.Client(base_url=f"{url}/api/v1", trust_env=False) as asking:
            yield asking
    finally:
        server.kill()


@pytest.fixture(scope="module")
def after_a_gift(prometheus, system):
    """Something happened, and was seen often enough for a rate."""
    with stage_on(system) as stage:
        mira, lea = stage.person("mira", country="DE", age_verified=30), stage.person("lea")
        stage.buy(mira)
        for key in ("one", "two", "three"):
            for _ in ("once", "again"):
                assert stage.give(mira, lea.user, key=key).status_code == 201
            time.sleep(2)
        eventually(lambda: lea.get("/v1/earnings/me")["available_diamonds"] == 3)
        eventually(
            lambda: _found(prometheus, 'rate(ovation_http_requests_total{route="/v1/gifts"}[1m])')
        )
    return prometheus


def test_every_target_is_up(prometheus):
    def all_up():
        targets = prometheus.get("/targets").json()["data"]["activeTargets"]
        return targets and all(target["health"] == "up" for target in targets) and targets

    targets = eventually(all_up)
    services = [target["labels"]["service"] for target in targets if "service" in target["labels"]]
    assert sorted(services) == sorted(PUBLIC)


def test_every_alert_can_be_asked_and_a_healthy_system_calls_nobody(prometheus):
    """Only the auditor is missed, a container of docker-compose.yml that nobody runs here."""

    def asked_and_calm():
        groups = prometheus.get("/rules").json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        labels = [alert["labels"] for rule in rules for alert in rule["alerts"]]
        called = {(each["alertname"], each.get("service")) for each in labels}
        calm = called == {("ServiceGone", "auditor")}
        return calm and all(rule["health"] == "ok" for rule in rules) and rules

    rules = eventually(asked_and_calm)
    assert {rule["name"] for rule in rules} == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize(
    "ask",
    sorted({ask for board in DASHBOARDS.values() for it in board for ask in it.asks.values()}),
)
def test_every_panel_can_be_drawn(after_a_gift, system, ask):
    found = _found(after_a_gift, ask)

    unknown = f"{NOT_HERE}|rabbitmq_" if system.rabbit.metrics_url is None else NOT_HERE
    assert found or re.search(f"{unknown}|{NOTHING_YET}", ask)


def _at(url, **labels):
    return {"targets": [url.removeprefix("http://").split("/")[0]], "labels": labels}


def _answers(url):
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _found(prometheus, ask):
    answer = prometheus.get("/query", params={"query": ask})
    assert answer.is_success, answer.text
    return answer.json()["data"]["result"]
