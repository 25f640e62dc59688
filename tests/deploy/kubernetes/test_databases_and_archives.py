"""Where databases, poolers and archives are, in the chart and in Docker Compose alike."""

import helm_python
import pytest
import yaml

from deploy.config.services import DATABASES, SEALED
from tests.deploy.kubernetes.rendering import (
    ROOT,
    containers_of,
    environment_of,
    merged,
    of_kind,
    pod_of,
    render,
    secrets_of,
    validate,
    values_of,
)

BASE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
BUCKET = yaml.safe_load((ROOT / "deploy" / "compose.bucket.yml").read_text())["services"]
POOLER_PEER = {"podSelector": {"matchLabels": {"app": "pgbouncer"}}}
POOLER = {"address": "pgbouncer:6432", "peers": [POOLER_PEER]}
BUCKET_PEER = {"ipBlock": {"cidr": "203.0.113.0/24"}}
# Programs that archive or read archives, with how Compose mounts the folder.
MOUNTED = {
    name: volume.rpartition(":")[2] == "ro"
    for name, program in BASE.items()
    for volume in program.get("volumes", ())
    if volume.startswith("./archives:/archives")
}


def rendered(more):
    resources = render(merged(values_of(), more))
    for resource in resources:
        validate(resource)
    return resources


def environment(resources, name):
    return environment_of(containers_of(of_kind(resources, "Deployment")[name])[0])


def egress(resources, name):
    return of_kind(resources, "NetworkPolicy")[name]["spec"].get("egress", [])


@pytest.mark.parametrize("service", DATABASES)
def test_pools_go_to_the_pooler_and_locks_and_migrations_past_it(service):
    settings = {"settings": {"OVATION_PREPARED_STATEMENTS": "false"}}
    resources = rendered({"postgres": {"pooler": POOLER}, **settings})

    found, name = environment(resources, service), service.upper()
    assert found[f"{name}_DATABASE_URL"] == f"postgresql://{service}@pgbouncer:6432/{service}"
    assert (
        found[f"{name}_DATABASE_DIRECT_URL"] == f"postgresql://{service}@postgres-rw:5432/{service}"
    )
    assert found[f"{name}_DATABASE_PREPARED_STATEMENTS"] == "false"
    provision, migrate = containers_of(of_kind(resources, "Job")[f"migrate-{service}"])
    assert "pgbouncer" not in str([provision["env"], migrate["env"]])
    assert environment(resources, "operator")["OVATIONCTL_POSTGRES"] == "postgres-rw:5432"


def test_a_service_reaches_its_pooler_and_its_server():
    resources = rendered({"postgres": {"pooler": POOLER}})

    reached = egress(resources, "wallet")
    assert {"to": [POOLER_PEER], "ports": [{"protocol": "TCP", "port": 6432}]} in reached
    assert any("postgres" in str(each["to"]) for each in reached)
    assert "pgbouncer" not in str(egress(resources, "migrate-wallet"))
    assert "pgbouncer" not in str(egress(resources, "auditor"))


def test_a_service_with_a_server_of_its_own_has_a_pooler_of_its_own():
    wallet = {"address": "wallet-db:5432", "peers": [{"podSelector": {}}], "pooler": POOLER}
    resources = rendered({"postgres": {"services": {"wallet": wallet}}})

    found = environment(resources, "wallet")
    assert "@pgbouncer:6432/" in found["WALLET_DATABASE_URL"]
    assert "@wallet-db:5432/" in found["WALLET_DATABASE_DIRECT_URL"]
    assert "@postgres-rw:5432/" in environment(resources, "gift")["GIFT_DATABASE_URL"]


@pytest.mark.parametrize("service", DATABASES)
def test_in_compose_the_pooler_is_for_pools_alone(service):
    said, name = BASE[service]["environment"], service.upper()

    pooler, direct = (
        "${OVATION_POSTGRES_POOLER:-postgres:5432}",
        "${OVATION_POSTGRES:-postgres:5432}",
    )
    assert said[f"{name}_DATABASE_URL"] == f"postgresql://{service}@{pooler}/{service}"
    assert said[f"{name}_DATABASE_DIRECT_URL"] == f"postgresql://{service}@{direct}/{service}"
    assert said[f"{name}_DATABASE_PREPARED_STATEMENTS"] == "${OVATION_PREPARED_STATEMENTS:-true}"
    assert f"_owner@{direct}/" in BASE[f"migrate-{service}"]["environment"][f"{name}_MIGRATION_URL"]
    pooled = [
        (program, variable)
        for program, each in BASE.items()
        for variable, value in each.get("environment", {}).items()
        if "POOLER" in str(value)
    ]
    assert sorted(pooled) == sorted((each, f"{each.upper()}_DATABASE_URL") for each in DATABASES)
    for program, variable in (
        *(("provision", "POSTGRES_HOST"), ("auditor", "OVATIONCTL_POSTGRES")),
        ("operator", "OVATIONCTL_POSTGRES"),
    ):
        assert BASE[program]["environment"][variable] == direct


def test_archives_are_mounted_as_in_compose_and_written_by_the_operator_alone():
    resources = rendered({"archives": {"claim": "archives"}})

    found = {
        name: mount.get("readOnly", False)
        for name, deployment in of_kind(resources, "Deployment").items()
        for mount in containers_of(deployment)[0]["volumeMounts"]
        if mount["mountPath"] == "/archives"
    }
    assert found == MOUNTED
    assert {name for name, read_only in found.items() if not read_only} == {"operator"}
    assert set(found) == {*SEALED, "auditor", "operator"}
    for name in found:
        volumes = {each["name"]: each for each in pod_of(_deployment(resources, name))["volumes"]}
        assert volumes["archives"]["persistentVolumeClaim"] == {"claimName": "archives"}
        assert environment(resources, name)["OVATION_ARCHIVE"] == "/archives"


def test_without_a_claim_nothing_looks_like_a_place_for_archives():
    """A folder that ends with its pod would be lost, with the entries that were moved there."""
    for deployment in of_kind(render(), "Deployment").values():
        mounts = [each["mountPath"] for each in containers_of(deployment)[0]["volumeMounts"]]
        assert "/archives" not in mounts


def test_a_bucket_is_opened_and_reached_by_whom_compose_gives_its_key():
    where = {"credentials": "bucket", "peers": [BUCKET_PEER]}
    address = {"OVATION_ARCHIVE": "s3://archives/ovation?region=eu-central-1"}
    resources = rendered({"archives": where, "settings": address})
    rule = {"to": [BUCKET_PEER], "ports": [{"protocol": "TCP", "port": 443}]}

    assert set(BUCKET) == set(MOUNTED)
    for name, deployment in of_kind(resources, "Deployment").items():
        has_key = "archive_credentials" in secrets_of(deployment, containers_of(deployment)[0])
        assert has_key == (name in BUCKET), name
        assert (rule in egress(resources, name)) == (name in BUCKET), name
    for name, overlay in BUCKET.items():
        assert overlay["environment"].items() <= environment(resources, name).items()
        assert overlay["secrets"] == ["archive_credentials"]
        assert set(overlay["networks"]) == {"front", "data"}
        assert environment(resources, name)["OVATION_ARCHIVE"] == address["OVATION_ARCHIVE"]


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"archives": {"credentials": "bucket"}}, "archives.peers"),
        ({"postgres": {"pooler": {"address": "pgbouncer:6432"}}}, "pooler.peers"),
        ({"tracing": {"endpoint": "http://jaeger:4318"}}, "tracing.peers"),
    ],
)
def test_a_place_without_its_peers_would_open_every_address_and_is_refused(missing, named):
    with pytest.raises(helm_python.HelmError, match=named):
        render(merged(values_of(), missing))


def _deployment(resources, name):
    return of_kind(resources, "Deployment")[name]
