"""What docker-compose.yml and the Dockerfile promise, read without an engine."""

import re
from pathlib import Path

import pytest
import yaml

from deploy.ctl.secret_files import secret_names
from deploy.local.databases import SERVICES

ROOT = Path(__file__).parent.parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS = COMPOSE["services"]
SERVERS = ("postgres", "rabbitmq")
# What each container may know beyond what bears its own name.
SANDBOX_SECRETS = {"sandbox_api_key", "sandbox_webhook_secret"}
ALSO_KNOWS = {"purchase": SANDBOX_SECRETS, "payout": SANDBOX_SECRETS}


def test_only_the_gateway_is_published():
    assert [name for name, it in CONTAINERS.items() if "ports" in it] == ["gateway"]


def test_the_servers_have_no_way_out_and_the_gateway_none_to_them():
    assert COMPOSE["networks"]["data"]["internal"] is True
    for server in SERVERS:
        assert CONTAINERS[server]["networks"] == ["data"]
    for stranger in ("gateway", "web", "sandbox", "issuer"):
        assert CONTAINERS[stranger]["networks"] == ["front"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_is_confined(name):
    container = CONTAINERS[name]

    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["mem_limit"]
    assert container["logging"]["options"]["max-size"]
    assert name in SERVERS or container["read_only"] is True


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_that_stays_has_time_to_end(name):
    container = CONTAINERS[name]

    if container["restart"] == "no":
        assert container["healthcheck"] == {"disable": True}
    else:
        assert int(container["stop_grace_period"].removesuffix("s")) >= 30


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_after_its_migration_and_the_broker(service):
    assert CONTAINERS[service]["depends_on"] == {
        f"migrate-{service}": {"condition": "service_completed_successfully"},
        "rabbitmq": {"condition": "service_healthy"},
    }
    assert CONTAINERS[f"migrate-{service}"]["depends_on"] == {
        "provision": {"condition": "service_completed_successfully"}
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_knows_its_own_secrets_only(service):
    known = {_source(secret) for secret in CONTAINERS[service]["secrets"]}

    own = {f"{service}_database_password", f"{service}_broker_password"}
    assert known == own | ALSO_KNOWS.get(service, set())
    assert CONTAINERS[f"migrate-{service}"]["secrets"] == [f"{service}_owner_password"]


def test_every_secret_is_one_that_is_made():
    assert set(COMPOSE["secrets"]) <= set(secret_names())
    for name, place in COMPOSE["secrets"].items():
        assert place == {"file": f"./deploy/secrets/{name}"}


def test_no_password_is_in_the_file():
    environments = [it.get("environment", {}) for it in CONTAINERS.values()]

    names = {name for environment in environments for name in environment}
    assert not {name for name in names if re.search("PASSWORD$|SECRET$|KEY$", name)}


def test_every_image_can_be_another():
    for name, container in CONTAINERS.items():
        assert re.search(r"\$\{[A-Z_]+:-", container["image"]), name


def test_an_image_holds_the_code_of_its_service_alone():
    stage = _stages()[-1]

    copied = [line for line in stage if line.startswith("COPY")]
    assert copied == [
        "COPY services/__init__.py services/__init__.py",
        "COPY services/${SERVICE} services/${SERVICE}",
        "COPY seeds seeds",
    ]


def test_nothing_in_an_image_runs_as_root():
    for stage in _stages()[2:]:
        assert "USER 10001:10001" in stage


def test_no_secret_reaches_an_image():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert ignored[0] == "*"
    assert {"deploy/secrets", "deploy/rabbitmq/20-users.json"} <= set(ignored)


def _source(secret):
    return secret if isinstance(secret, str) else secret["source"]


def _stages():
    """The lines of each stage of the Dockerfile: build, base, tools, and a service."""
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    return [stage.splitlines() for stage in re.split("^FROM ", text, flags=re.MULTILINE)[1:]]
