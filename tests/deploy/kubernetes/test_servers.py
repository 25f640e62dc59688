"""PostgreSQL and RabbitMQ as resources of their operators, put together without a cluster."""

import json

import pytest
import yaml
from jsonschema import ValidationError

from deploy.config.postgres import PRODUCTION
from deploy.config.services import DATABASES
from shared.messaging.topology import topology
from tests.deploy.kubernetes.rendering import (
    CHART,
    ROOT,
    SERVERS,
    kustomized,
    of_kind,
    validate,
    values_of,
)

OVERLAYS = ("small", "large")
# What follows the memory of a machine.
BY_SIZE = {"shared_buffers", "max_wal_size"}


@pytest.fixture(scope="module", params=OVERLAYS)
def servers(request):
    return kustomized(request.param)


def test_the_operators_would_take_every_resource_and_every_field_of_it(servers):
    for resource in servers:
        validate(resource)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("Cluster", {"instance": 3}),
        ("Cluster", {"instances": "three"}),
        ("RabbitmqCluster", {"replicas": "three"}),
        ("RabbitmqCluster", {"persistance": {}}),
    ],
)
def test_a_misspelt_field_of_an_operator_is_found(kind, wrong, servers):
    resource = json.loads(json.dumps(next(each for each in servers if each["kind"] == kind)))
    resource["spec"] |= wrong

    with pytest.raises(ValidationError):
        validate(resource)


def test_an_answered_commit_is_on_two_machines(servers):
    for cluster in of_kind(servers, "Cluster").values():
        assert cluster["spec"]["instances"] == 3
        assert cluster["spec"]["postgresql"]["synchronous"] == {
            "method": "any",
            "number": 1,
            "dataDurability": "required",
        }
        assert cluster["spec"]["affinity"]["podAntiAffinityType"] == "required"


def test_postgres_has_the_settings_that_are_shipped(servers):
    for cluster in of_kind(servers, "Cluster").values():
        parameters = cluster["spec"]["postgresql"]["parameters"]
        for name in set(PRODUCTION) - BY_SIZE:
            assert parameters[name] == PRODUCTION[name]
        assert set(parameters) >= BY_SIZE


def test_rabbitmq_has_the_settings_that_are_shipped(servers):
    (cluster,) = of_kind(servers, "RabbitmqCluster").values()
    folder = ROOT / "deploy" / "rabbitmq"
    shipped = [
        line
        for file in ("rabbitmq.conf", "cluster.conf")
        for line in (folder / file).read_text().splitlines()
        # The operator says how its nodes find each other.
        if line and not line.startswith(("#", "cluster_formation."))
    ]

    assert cluster["spec"]["rabbitmq"]["additionalConfig"].splitlines() == shipped
    assert cluster["spec"]["replicas"] == 3
    assert "{net_ticktime, 20}" in cluster["spec"]["rabbitmq"]["advancedConfig"]
    assert topology()["vhosts"] == [{"name": "ovation"}]


def test_small_has_one_postgres_and_large_has_one_for_each_service():
    assert set(of_kind(kustomized("small"), "Cluster")) == {"postgres"}
    large = set(of_kind(kustomized("large"), "Cluster"))
    assert large == {f"postgres-{service}" for service in DATABASES}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_chart_asks_for_the_servers_that_are_beside_it(overlay):
    servers = kustomized(overlay)
    values = {**yaml.safe_load((CHART / "values.yaml").read_text()), **values_of(overlay)}
    postgres = values["postgres"]
    asked = list(postgres.get("services", {}).values()) or [
        yaml.safe_load((CHART / "values.yaml").read_text())["postgres"]
    ]

    for server in asked:
        (peer,) = server["peers"]
        name = peer["podSelector"]["matchLabels"]["cnpg.io/cluster"]
        assert server["address"] == f"{name}-rw:5432"
        assert name in of_kind(servers, "Cluster")
    assert values["rabbitmq"]["address"].split(":")[0] in of_kind(servers, "RabbitmqCluster")


def test_every_folder_of_the_servers_is_used():
    used = {
        (file.parent / each).resolve()
        for file in SERVERS.rglob("kustomization.yaml")
        for each in yaml.safe_load(file.read_text())["resources"]
    }
    files = {path for path in SERVERS.rglob("*.yaml") if path.name != "kustomization.yaml"}
    folders = {path.parent for path in SERVERS.rglob("kustomization.yaml")}

    assert files <= used
    assert folders - {SERVERS / overlay for overlay in OVERLAYS} <= used
