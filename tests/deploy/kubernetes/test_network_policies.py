"""Who reaches whom in the cluster: what is needed, and nothing else."""

import pytest

from deploy.config.services import DATABASES, PAYING, PUBLIC, SERVICES
from tests.deploy.kubernetes.rendering import merged, of_kind, render, values_of

POSTGRES = {"podSelector": {"matchLabels": {"cnpg.io/cluster": "postgres"}}}
RABBITMQ = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "rabbitmq"}}}


@pytest.fixture(scope="module")
def policies():
    return of_kind(render(), "NetworkPolicy")


def test_what_no_policy_allows_is_refused(policies):
    common = policies["ovation"]["spec"]

    assert common["podSelector"] == {"matchLabels": {"app.kubernetes.io/part-of": "ovation"}}
    assert common["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in common
    (names,) = common["egress"]
    assert {each["port"] for each in names["ports"]} == {53}


def test_every_pod_has_a_policy():
    resources = render(values_of("practice"))
    policies = of_kind(resources, "NetworkPolicy")

    assert set(policies) == {
        "ovation",
        *of_kind(resources, "Deployment"),
        *of_kind(resources, "Job"),
    }


@pytest.mark.parametrize("service", DATABASES)
def test_a_service_reaches_its_database_the_broker_the_issuer_and_its_providers(service, policies):
    reached = policies[service]["spec"]["egress"]

    assert {"to": [POSTGRES], "ports": [{"protocol": "TCP", "port": 5432}]} in reached
    assert {"to": [RABBITMQ], "ports": [{"protocol": "TCP", "port": 5672}]} in reached
    outside = [each for each in reached if "ipBlock" in each["to"][0]]
    assert len(outside) == (2 if service in PAYING or SERVICES[service].posts else 1)
    assert len(reached) == 2 + len(outside)
    for each in outside:
        assert each["ports"] == [{"protocol": "TCP", "port": 443}]
        # A cloud's metadata is an address as well, and has the machine's keys.
        assert "169.254.0.0/16" in each["to"][0]["ipBlock"]["except"]
        assert "10.0.0.0/8" in each["to"][0]["ipBlock"]["except"]


def test_with_servers_of_their_own_services_reach_only_theirs():
    policies = of_kind(render(values_of("large")), "NetworkPolicy")

    for service in DATABASES:
        for name in (service, f"migrate-{service}"):
            text = str(policies[name]["spec"]["egress"])
            found = {other for other in DATABASES if f"postgres-{other}'" in text}
            assert found == {service}
    auditor = str(policies["auditor"]["spec"]["egress"])
    assert all(f"postgres-{service}'" in auditor for service in DATABASES)


@pytest.mark.parametrize("name", PUBLIC)
def test_only_the_gateway_and_the_operators_doctor_call_a_service(name, policies):
    (rule,) = policies[name]["spec"]["ingress"]

    callers = ["gateway", "operator"] if name in DATABASES else ["gateway"]
    part = {"app.kubernetes.io/part-of": "ovation"}
    assert rule["from"] == [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": caller, **part}}}
        for caller in callers
    ]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8000}]


def test_the_pages_reach_nothing_and_the_gateway_reaches_services_alone(policies):
    assert "egress" not in policies["web"]["spec"]
    (rule,) = policies["gateway"]["spec"]["egress"]
    named = {each["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for each in rule["to"]}
    assert named == set(PUBLIC)


def test_who_asks_providers_reaches_no_database(policies):
    assert POSTGRES not in [
        peer for rule in policies["operator-providers"]["spec"]["egress"] for peer in rule["to"]
    ]


def test_monitoring_reads_metrics_where_it_is_named():
    watcher = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    named = {"networkPolicies": {"monitoring": [watcher]}}
    policies = of_kind(render(merged(values_of(), named)), "NetworkPolicy")

    for name in (*PUBLIC, "auditor"):
        assert [watcher] in [rule["from"] for rule in policies[name]["spec"]["ingress"]]


def test_every_port_of_several_brokers_is_reached_once():
    nodes = {"rabbitmq": {"address": "mq-1,mq-2:5673,mq-3", "management": "https://mq.example"}}
    policies = of_kind(render(merged(values_of(), nodes)), "NetworkPolicy")

    ports = {name: _ports_to_rabbitmq(policies[name]) for name in ("wallet", "topology")}
    assert ports == {"wallet": [5672, 5673], "topology": [5672, 5673, 443]}


def test_without_policies_there_is_none():
    without = {"networkPolicies": {"enabled": False}}

    assert of_kind(render(merged(values_of(), without)), "NetworkPolicy") == {}


def _ports_to_rabbitmq(policy):
    (rule,) = [each for each in policy["spec"]["egress"] if each["to"] == [RABBITMQ]]
    return [each["port"] for each in rule["ports"]]
