"""The chart has every program, setting and secret that Docker Compose has, and no other."""

import re
from importlib import import_module

import pytest
import yaml

from deploy.config.services import DATABASES, PUBLIC, SEALED
from tests.deploy.kubernetes.rendering import (
    CHART,
    ROOT,
    containers_of,
    environment_of,
    merged,
    of_kind,
    render,
    secrets_of,
    values_of,
)

BASE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PRACTICE = yaml.safe_load((ROOT / "deploy" / "compose.practice.yml").read_text())["services"]
TENCENT = yaml.safe_load((ROOT / "deploy" / "compose.tencent.yml").read_text())["services"]
# Servers are operators' resources here; what makes databases is a part of each migration.
SERVERS = {"postgres", "rabbitmq", "provision"}
MIGRATIONS = {f"migrate-{service}" for service in DATABASES}
# By whom a program is started is not a setting: where its servers are, and which shell it is.
ADDRESSES = re.compile(
    r"_(DATABASE|DATABASE_DIRECT|BROKER|MIGRATION)_URL$|^OVATIONCTL_(POSTGRES|RABBIT|BROKER)$"
)
_DEFAULT = re.compile(r"\$\{([A-Z_]+)(:[-?]([^}]*))?\}")


@pytest.fixture(scope="module")
def resources():
    return render()


@pytest.fixture(scope="module")
def practice():
    return render(values_of("practice"))


def test_every_container_of_compose_is_in_the_chart(resources):
    deployed = set(of_kind(resources, "Deployment"))

    assert deployed == set(BASE) - SERVERS - MIGRATIONS
    assert set(of_kind(resources, "Job")) == MIGRATIONS | {"topology"}


def test_every_container_for_practice_is_in_the_chart_for_practice(practice):
    assert (
        set(of_kind(practice, "Deployment")) == (set(BASE) | set(PRACTICE)) - SERVERS - MIGRATIONS
    )


@pytest.mark.parametrize("name", sorted(set(BASE) - SERVERS - MIGRATIONS))
def test_a_program_has_every_variable_it_has_in_compose(name, resources):
    deployment = of_kind(resources, "Deployment")[name]
    found = environment_of(containers_of(deployment)[0])
    wanted = _said(BASE[name])
    if name == "gateway":
        # What Compose says where it is wanted, and its own name server knows.
        del found["OVATION_TENCENT_ADDRESSES"], found["OVATION_GATEWAY_DOMAIN"]

    assert set(found) == set(wanted)
    for variable in set(found) - set(filter(ADDRESSES.search, found)):
        assert found[variable] == wanted[variable], variable


@pytest.mark.parametrize("name", sorted(set(BASE) - SERVERS - MIGRATIONS))
def test_a_program_has_every_secret_it_has_in_compose_and_no_other(name, resources):
    deployment = of_kind(resources, "Deployment")[name]

    assert secrets_of(deployment, containers_of(deployment)[0]) == _secrets(BASE[name])


@pytest.mark.parametrize("service", DATABASES)
def test_a_migration_knows_what_it_does_in_compose_and_what_makes_databases_is_apart(
    service, resources
):
    job = of_kind(resources, "Job")[f"migrate-{service}"]
    provision, migrate = containers_of(job)

    assert secrets_of(job, migrate) == _secrets(BASE[f"migrate-{service}"])
    assert set(environment_of(migrate)) == set(BASE[f"migrate-{service}"]["environment"])
    assert set(secrets_of(job, provision)) == {
        "postgres_admin_password",
        "auditor_database_password",
        f"{service}_owner_password",
        f"{service}_database_password",
        *([f"{service}_archiver_database_password"] if service in SEALED else []),
    }
    assert set(secrets_of(job, provision)) <= set(_secrets(BASE["provision"]))
    assert set(environment_of(provision)) == set(BASE["provision"]["environment"])


@pytest.mark.parametrize("name", sorted({*PRACTICE} - {"gateway"}))
def test_for_practice_a_program_has_what_the_overlay_says(name, practice):
    deployment = of_kind(practice, "Deployment")[name]
    (container,) = containers_of(deployment)
    said = {**BASE.get(name, {}).get("environment", {}), **PRACTICE[name]["environment"]}

    assert set(environment_of(container)) == set(said)
    for variable, value in PRACTICE[name]["environment"].items():
        if "${" not in value:
            assert environment_of(container)[variable] == value
    if name not in BASE:
        assert secrets_of(deployment, container) == _secrets(PRACTICE[name])


def test_for_practice_the_settings_are_those_of_the_overlay():
    lines = (ROOT / "deploy" / "practice.env").read_text().splitlines()
    said = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    assert values_of("practice")["settings"] == said


def test_behind_a_tencent_room_gift_has_what_the_overlay_says():
    tencent = {"settings": {"OVATION_TENCENT_SDK_APP_ID": "1400000000"}}
    deployment = of_kind(render(merged(values_of(), tencent)), "Deployment")["gift"]
    (container,) = containers_of(deployment)
    said = _said(TENCENT["gift"]) | {"GIFT_TENCENT_SDK_APP_ID": "1400000000"}

    assert said.items() <= environment_of(container).items()
    assert secrets_of(deployment, container) == {
        **_secrets(BASE["gift"]),
        **_secrets(TENCENT["gift"]),
    }


def test_every_setting_of_compose_is_one_of_the_chart():
    known = set(yaml.safe_load((CHART / "values.yaml").read_text())["settings"])
    # Images, addresses and users of Docker Compose itself. Servers are values of their own.
    of_compose = re.compile(
        r"_IMAGE$|_BIND$|_PORT$|^OVATION_(IMAGES|VERSION|OPERATOR|POSTGRES|POSTGRES_POOLER)$"
    )
    asked = {
        name
        for programs in (BASE, PRACTICE, TENCENT)
        for program in programs.values()
        for name, _, _ in _DEFAULT.findall(str(program))
    }

    assert {name for name in asked if not of_compose.search(name)} == known


@pytest.mark.parametrize("service", PUBLIC)
def test_a_service_starts_with_what_its_pod_finds(service, resources, monkeypatch, tmp_path):
    """Its own settings take the variables and files, and each variable is one that it reads."""
    deployment = of_kind(resources, "Deployment")[service]
    environment = environment_of(containers_of(deployment)[0])
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    for file in secrets_of(deployment, containers_of(deployment)[0]):
        (tmp_path / file).write_text("a secret")
    monkeypatch.setenv("OVATION_SECRETS_DIR", str(tmp_path))
    kind = import_module(f"services.{service}.settings").Settings

    settings = kind()

    assert settings.port == 8000
    # The files of providers name this one themselves.
    known = {f"{service}_{field}".upper() for field in [*kind.model_fields, "provider_url"]}
    # These are read where its settings are not: schemas, topology, archives of a ledger.
    elsewhere = {"OVATION_PUBLIC_URL", "OVATION_QUEUE_PARTITIONS", "OVATION_ARCHIVE"}
    assert set(environment) - known <= elsewhere


def test_a_setting_without_a_name_in_compose_is_set_for_one_service():
    rate = {"WALLET_PAID_DIAMOND_RATE_BP": "9000"}
    values = merged(values_of(), {"workloads": {"wallet": {"environment": rate}}})
    deployments = of_kind(render(values), "Deployment")

    (wallet,), (gift,) = (containers_of(deployments[name]) for name in ("wallet", "gift"))
    assert rate.items() <= environment_of(wallet).items()
    assert not rate.keys() & environment_of(gift).keys()


def test_the_broker_is_given_as_many_queues_as_services_read():
    partitions = {"settings": {"OVATION_QUEUE_PARTITIONS": "wallet.gifts=4"}}
    resources = render(merged(values_of(), partitions))

    (topology,) = containers_of(of_kind(resources, "Job")["topology"])
    (wallet,) = containers_of(of_kind(resources, "Deployment")["wallet"])
    for container in (topology, wallet):
        assert environment_of(container)["OVATION_QUEUE_PARTITIONS"] == "wallet.gifts=4"


def test_only_what_asks_providers_has_their_keys_as_one_secret(resources):
    holders = {
        name: source["secret"]["name"]
        for name, deployment in of_kind(resources, "Deployment").items()
        for volume in deployment["spec"]["template"]["spec"]["volumes"]
        for source in volume.get("projected", {}).get("sources", ())
        if source["secret"].get("optional")
    }

    assert set(holders) == {"purchase", "payout", "operator-providers"}
    assert holders["purchase"] == "purchase-providers"


def _said(program):
    """The variables of a container of Compose, with this installation's settings."""
    settings = values_of()["settings"]
    return {
        name: _DEFAULT.sub(lambda found: settings.get(found[1], found[3] or ""), str(value))
        for name, value in program.get("environment", {}).items()
    }


def _secrets(program):
    """The files a container of Compose has below /run/secrets, each with its source."""
    return {
        (each if isinstance(each, str) else each["target"]): (
            each if isinstance(each, str) else each["source"]
        )
        for each in program.get("secrets", ())
    }
