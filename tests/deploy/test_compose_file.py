"""What docker-compose.yml and the Dockerfile promise, read without an engine."""

import os
import re
from pathlib import Path

import pytest
import yaml

from deploy.config.images import IMAGES, LOCAL_IMAGES
from deploy.config.secret_files import secret_names
from deploy.config.services import DATABASES, ROLLED, SERVICES
from deploy.harness import containers

ROOT = Path(__file__).parent.parent.parent
BASE = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(BASE)
PRACTICE = yaml.safe_load((ROOT / "deploy" / "compose.practice.yml").read_text())["services"]
# What is only for practice is confined as everything else is.
CONTAINERS = COMPOSE["services"] | {name: PRACTICE[name] for name in ("sandbox", "issuer")}
OVERLAYS = {str(file.relative_to(ROOT)) for file in (ROOT / "deploy").glob("compose.*.yml")}
# What an installation has to say: who signs tokens, where their keys are, who takes the money.
REQUIRED = ("OVATION_JWT_ISSUER", "OVATION_JWKS_URL", "OVATION_PROVIDER_URL")
SCALE = yaml.safe_load((ROOT / "deploy" / "compose.scale.yml").read_text())
SCALED = SCALE["services"]
TENCENT = yaml.safe_load((ROOT / "deploy" / "compose.tencent.yml").read_text())
NODES = ("rabbitmq", "rabbitmq-2", "rabbitmq-3")
# How many sessions an instance may have at PostgreSQL: its pool, its relay, and one for each job.
SESSIONS_MAX = 20
SERVERS = ("postgres", "rabbitmq")
# Images that are not ours, by the variable that replaces each.
FOREIGN = ("NGINX", "POSTGRES", "RABBITMQ")
# What each container may know beyond what bears its own name.
ALSO_KNOWS = {
    "purchase": {
        "sandbox_payments_key",
        "sandbox_payments_webhook_secret",
        "purchase_webhook_archive_key",
    },
    "webhooks": {"webhooks_secrets_key"},
    "live": {"live_people_key"},
    "payout": {
        "sandbox_transfers_key",
        "sandbox_transfers_webhook_secret",
    },
}


@pytest.mark.parametrize("file", ["docker-compose.yml", *sorted(OVERLAYS)])
def test_nothing_is_said_twice(file):
    """Compose refuses a key that stands twice; a reader takes the last one, and says nothing."""

    def keys(node):
        if isinstance(node, yaml.MappingNode):
            named = [key.value for key, _ in node.value]
            assert sorted(named) == sorted(set(named)), node.start_mark
        for each in node.value if isinstance(node.value, list) else ():
            for inner in each if isinstance(each, tuple) else (each,):
                keys(inner)

    keys(yaml.compose((ROOT / file).read_text()))


def test_only_the_gateway_is_published():
    assert [name for name, it in CONTAINERS.items() if "ports" in it] == ["gateway"]


def test_it_listens_on_loopback_unless_told_otherwise():
    assert CONTAINERS["gateway"]["ports"] == [
        "${OVATION_BIND:-127.0.0.1}:${OVATION_PORT:-8080}:8080"
    ]


def test_without_settings_nothing_is_for_practice():
    """No issuer, no sandbox, no route to them, nobody who is trusted in their place."""
    assert not {"sandbox", "issuer"} & set(COMPOSE["services"])
    assert not re.search(r"://(issuer|sandbox)\b|INSECURE", BASE)
    gateway = (ROOT / "deploy" / "gateway" / "nginx.conf").read_text()
    assert not re.search(r"\b(issuer|sandbox):8000|/\$to_(issuer|sandbox)", gateway)


@pytest.mark.parametrize("variable", REQUIRED)
def test_without_what_an_installation_has_to_say_it_refuses_to_start(variable):
    uses = re.findall(rf"\$\{{{variable}(.)(.)([^}}]*)\}}", BASE)

    assert uses
    assert all((colon, refuse) == (":", "?") and "set it to" in why for colon, refuse, why in uses)


def test_what_is_for_practice_says_all_that_is_required():
    said = dict(
        line.split("=", 1)
        for line in (ROOT / "deploy" / "practice.env").read_text().splitlines()
        if line and not line.startswith("#")
    )

    assert set(REQUIRED) <= set(said)
    for service in DATABASES:
        said = dict(PRACTICE[service]["environment"])
        assert said.pop(f"{service.upper()}_ALLOW_INSECURE_ISSUER") == "true"
        # Practice money buys no real coins, and no real money leaves.
        practice = {
            "purchase": "PURCHASE_TEST_PAYMENTS",
            "payout": "PAYOUT_TEST_PAYOUTS",
            # Endpoints on this machine, over plain HTTP.
            "webhooks": "WEBHOOKS_LOOPBACK_ALLOWED",
        }
        assert said == ({practice[service]: "true"} if service in practice else {})


@pytest.mark.parametrize("service", DATABASES)
def test_in_production_nothing_for_practice_has_the_last_word(service):
    """Where both overlays are named, a service refuses an issuer that signs anything."""
    file = ROOT / "deploy" / "compose.production.yml"
    said = yaml.safe_load(file.read_text())["services"][service]["environment"]

    for name in PRACTICE[service]["environment"]:
        assert said[name] == "false"


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


@pytest.mark.parametrize("service", DATABASES)
def test_a_service_starts_after_its_migration_and_the_broker(service):
    assert CONTAINERS[service]["depends_on"] == {
        f"migrate-{service}": {"condition": "service_completed_successfully"},
        "rabbitmq": {"condition": "service_healthy"},
    }
    assert CONTAINERS[f"migrate-{service}"]["depends_on"] == {
        "provision": {"condition": "service_completed_successfully"}
    }


@pytest.mark.parametrize("service", DATABASES)
def test_a_service_knows_its_own_secrets_only(service):
    known = {_source(secret) for secret in CONTAINERS[service]["secrets"]}

    own = {f"{service}_database_password", f"{service}_broker_password"}
    assert known == own | ALSO_KNOWS.get(service, set())
    assert CONTAINERS[f"migrate-{service}"]["secrets"] == [f"{service}_owner_password"]


def test_the_auditor_has_no_password_that_changes_anything():
    """It runs day and night, and listens."""
    assert CONTAINERS["auditor"]["secrets"] == [
        "auditor_database_password",
        "auditor_broker_password",
    ]
    holders = {
        name
        for name, container in CONTAINERS.items()
        if "ovationctl_broker_password" in map(_source, container.get("secrets", ()))
    }
    assert holders == {"operator", "operator-providers"}


def test_what_providers_need_is_one_folder_that_may_be_empty():
    """Compose refuses a secret whose file is missing; a folder has what an installation needs."""
    purchase, payout = (
        f"./deploy/secrets/{service}_providers:/run/secrets/{service}_providers"
        for service in ("purchase", "payout")
    )
    mounted = {
        name: [each for each in container.get("volumes", ()) if "deploy/secrets" in each]
        for name, container in CONTAINERS.items()
    }

    assert {name: volumes for name, volumes in mounted.items() if volumes} == {
        "purchase": [f"{purchase}:ro"],
        "payout": [f"{payout}:ro"],
        "operator-providers": [purchase, payout],
    }
    assert not {name for name in COMPOSE["secrets"] if re.search("stripe|paypal|store|play", name)}


def test_who_asks_providers_reaches_them_and_can_open_no_database():
    asking = CONTAINERS["operator-providers"]

    assert "front" in asking["networks"]
    assert not [each for each in map(_source, asking["secrets"]) if "database" in each]
    assert "owner_password" not in str(asking["secrets"])


def test_every_secret_is_one_that_is_made():
    assert set(COMPOSE["secrets"]) | set(TENCENT["secrets"]) <= set(secret_names())


def test_no_secret_comes_by_the_environment():
    """Whoever may look at a container reads its environment, and so do its children."""
    overlays = (ROOT / "deploy").glob("compose.*.yml")
    for file in (ROOT / "docker-compose.yml", *overlays):
        for name, container in yaml.safe_load(file.read_text())["services"].items():
            said = container.get("environment") or {}
            secret = [key for key in said if re.search(r"TOKEN|SECRET|PASSWORD|API_KEY", key)]
            by_file = [key for key in secret if key.endswith(("_FILE", "__FILE", "_DIR"))]
            assert secret == by_file, (file.name, name)


def test_a_tencent_room_brings_its_token_as_a_file_and_has_to_say_its_application():
    gift = TENCENT["services"]["gift"]

    assert gift["secrets"] == [{"source": "tencent_token", "target": "gift_tencent_token"}]
    said = gift["environment"]["GIFT_TENCENT_SDK_APP_ID"]
    assert said.startswith("${OVATION_TENCENT_SDK_APP_ID:?")
    assert "TENCENT" not in BASE
    for name, place in COMPOSE["secrets"].items():
        assert place == {"file": f"./deploy/secrets/{name}"}


def test_no_password_is_in_the_file():
    environments = [it.get("environment", {}) for it in CONTAINERS.values()]

    names = {name for environment in environments for name in environment}
    assert not {name for name in names if re.search("PASSWORD$|SECRET$|KEY$", name)}


def test_every_image_can_be_another():
    for name, container in CONTAINERS.items():
        assert re.search(r"\$\{[A-Z_]+:-", container["image"]), name


def test_every_image_has_one_name_and_a_version():
    given = {
        name: container["image"].rpartition(":-")[2].rstrip("}")
        for file in (CONTAINERS, SCALED)
        for name, container in file.items()
        if "image" in container and not container["image"].startswith("${OVATION_IMAGES:-")
    }
    python = {
        build["args"]["PYTHON_IMAGE"].rpartition(":-")[2].rstrip("}")
        for container in CONTAINERS.values()
        if (build := container.get("build"))
    }

    assert len(python) == 1
    for image in (*given.values(), *python):
        assert re.search(r":\d+(\.\d+)*(-[a-z]+)*$", image), image
    assert (ROOT / "deploy" / "Dockerfile").read_text().count(f"PYTHON_IMAGE={min(python)}\n") == 1
    assert given["postgres"] == containers.POSTGRES_IMAGE or "POSTGRES_IMAGE" in os.environ
    assert given["rabbitmq"] == containers.RABBITMQ_IMAGE or "RABBITMQ_IMAGE" in os.environ


def test_no_image_is_looked_for_where_a_stranger_could_have_put_it():
    """A name without a registry is one of Docker Hub's, where anybody may register `ovation`."""
    ours = {
        container["image"]
        for container in CONTAINERS.values()
        if not container["image"].startswith(tuple(f"${{{name}_IMAGE:-" for name in FOREIGN))
    }

    assert {image.partition("}/")[0] for image in ours} == {f"${{OVATION_IMAGES:-{LOCAL_IMAGES}"}
    assert LOCAL_IMAGES.startswith("localhost/")
    chart = yaml.safe_load((ROOT / "deploy/kubernetes/ovation/values.yaml").read_text())
    assert chart["images"]["prefix"] == LOCAL_IMAGES
    released = {image.partition("}/")[2].partition(":")[0] for image in ours}
    assert released | {"gateway"} == set(IMAGES)


def test_no_container_but_the_servers_starts_as_root():
    users = {name: str(it.get("user", "the image's own")) for name, it in CONTAINERS.items()}

    assert not {name for name, user in users.items() if re.search(r"(^|:-|\b)(0|root)(:|$)", user)}


@pytest.mark.parametrize("service", ROLLED)
def test_scaled_there_are_three_of_every_service(service):
    assert SCALED[service]["deploy"] == {"replicas": 3}


@pytest.mark.parametrize("service", DATABASES)
def test_scaled_a_service_asks_every_node_and_waits_for_all(service):
    asked = SCALED[service]["environment"][f"{service.upper()}_BROKER_URL"]

    assert asked == f"amqp://{service}@{','.join(NODES)}/ovation"
    assert SCALED[service]["depends_on"] == {
        node: {"condition": "service_healthy"} for node in NODES
    }


def test_scaled_every_node_is_the_one_node_under_another_name():
    """What rabbitmq is by both files together, the others are by the overlay alone."""
    first, second, third = (SCALED[node] for node in NODES)
    both = {**CONTAINERS["rabbitmq"], **first}
    both["volumes"] = CONTAINERS["rabbitmq"]["volumes"] + first["volumes"]

    for name, node in (("rabbitmq-2", second), ("rabbitmq-3", third)):
        assert node["hostname"] == name
        volumes = [it.replace(f"{name}:/", "rabbitmq:/") for it in node["volumes"]]
        assert {**node, "hostname": "rabbitmq", "volumes": set(volumes)} == {
            **both,
            "volumes": set(both["volumes"]),
        }


def test_scaled_the_nodes_find_each_other_and_know_a_secret():
    settings = dict(
        line.split(" = ")
        for line in (ROOT / "deploy" / "rabbitmq" / "cluster.conf").read_text().splitlines()
        if not line.startswith("#")
    )

    found = [value for name, value in settings.items() if "classic_config.nodes" in name]
    assert found == [f"rabbit@{SCALED[node].get('hostname', node)}" for node in NODES]
    assert settings["cluster_formation.target_cluster_size_hint"] == str(len(NODES))
    assert settings["cluster_partition_handling"] == "pause_minority"
    assert set(SCALE["secrets"]) <= set(secret_names())
    assert all("erlang_cookie" in SCALED[node]["secrets"] for node in NODES)


@pytest.mark.parametrize("file", ["docker-compose.yml", "deploy/compose.production.yml"])
def test_scaled_there_are_sessions_for_all_instances_and_their_successors(file):
    command = yaml.safe_load((ROOT / file).read_text())["services"]["postgres"]["command"]
    (limit,) = re.findall(r"max_connections=(\d+)", " ".join(command))

    rolling_one = 3
    assert int(limit) >= (3 * len(DATABASES) + rolling_one) * SESSIONS_MAX


def test_an_image_holds_the_code_of_its_service_alone():
    stage = _stages()[-1]

    copied = [line for line in stage if line.startswith("COPY")]
    assert copied == [
        "COPY --from=packages /app/sbom.cdx.json /app/sbom.cdx.json",
        "COPY --from=packages /app/.venv /app/.venv",
        "COPY shared shared",
        "COPY services/__init__.py services/__init__.py",
        "COPY services/${SERVICE} services/${SERVICE}",
        "COPY seeds seeds",
    ]


@pytest.mark.parametrize("service", ["web", "sandbox", *DATABASES])
def test_an_image_is_built_with_the_packages_of_its_service(service):
    built = (PRACTICE | COMPOSE["services"])[service]["build"]["args"]
    stages = [stage[0].partition(" AS ")[2] for stage in _stages()]

    assert built["SERVICE"] == service
    assert built.get("PACKAGES", "services") == SERVICES[service].packages
    assert f"packages-{SERVICES[service].packages}" in stages


def test_nothing_in_an_image_runs_as_root():
    for stage in _stages()[-2:]:
        assert "USER 10001:10001" in stage


def test_no_secret_reaches_an_image():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert ignored[0] == "*"
    assert {"deploy/secrets", "deploy/rabbitmq/20-users.json"} <= set(ignored)


def _source(secret):
    return secret if isinstance(secret, str) else secret["source"]


def _stages():
    """The lines of each stage of the Dockerfile: packages, base, then tools and a service."""
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    return [stage.splitlines() for stage in re.split("^FROM ", text, flags=re.MULTILINE)[1:]]
