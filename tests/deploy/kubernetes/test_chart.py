"""What the Helm chart makes of its values, rendered without a cluster."""

import json
import re

import helm_python
import pytest
import yaml
from jsonschema import ValidationError

from deploy.config.databases import SERVICE_CONNECTIONS_MAX
from deploy.config.services import DATABASES, PUBLIC
from tests.deploy.kubernetes.rendering import (
    CHART,
    INSTALLATION,
    NAMESPACE,
    containers_of,
    environment_of,
    merged,
    of_kind,
    pod_of,
    render,
    validate,
    values_of,
)

# How many sessions an instance may have at PostgreSQL.
SESSIONS_MAX = 20
# Of a finding of Helm's linter; a warning has 2, an error 3.
ONLY_A_HINT = 1
EVERYTHING = {
    "ingress": {"enabled": True, "host": "coins.example.com", "tlsSecret": "coins-tls"},
    "tracing": {"endpoint": "http://jaeger:4318", "peers": [{"podSelector": {}}]},
    "networkPolicies": {"callers": [{"podSelector": {}}], "monitoring": [{"podSelector": {}}]},
    "settings": {"OVATION_TENCENT_SDK_APP_ID": "1400000000"},
    "operator": {"backupClaim": "backups"},
    "archives": {"claim": "archives", "credentials": "bucket", "peers": [{"podSelector": {}}]},
    "postgres": {"pooler": {"address": "pgbouncer:6432", "peers": [{"podSelector": {}}]}},
    "images": {"pullSecrets": [{"name": "registry"}]},
    "defaults": {"nodeSelector": {"disk": "fast"}, "tolerations": [{"operator": "Exists"}]},
    "workloads": {"payout": {"volumes": [{"name": "lists", "configMap": {"name": "lists"}}]}},
}
INSTALLATIONS = {
    "default": values_of(),
    "small": values_of("small"),
    "large": values_of("large"),
    "practice": values_of("practice"),
    "everything": merged(values_of("large"), EVERYTHING),
}


@pytest.fixture(scope="module", params=INSTALLATIONS)
def values(request):
    return INSTALLATIONS[request.param]


@pytest.fixture(scope="module")
def resources(values):
    return render(values)


@pytest.fixture(scope="module")
def default():
    return render()


def test_helm_finds_nothing_to_complain_about(values):
    report = helm_python.lint(CHART, values, strict=True, namespace=NAMESPACE)

    assert report["errors"] == [], report
    assert [each for each in report["messages"] if each["severity"] > ONLY_A_HINT] == []


def test_kubernetes_would_take_every_resource_and_every_field_of_it(resources):
    for resource in resources:
        validate(resource)


def test_a_misspelt_field_of_a_resource_is_found(default):
    wallet = json.loads(json.dumps(of_kind(default, "Deployment")["wallet"]))
    wallet["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}

    with pytest.raises(ValidationError, match="readinesProbe"):
        validate(wallet)


@pytest.mark.parametrize("setting", INSTALLATION["settings"])
def test_without_what_an_installation_has_to_say_nothing_is_rendered(setting):
    values = merged(values_of(), {"settings": {setting: ""}})

    with pytest.raises(helm_python.HelmError, match=setting):
        render(values)


@pytest.mark.parametrize(
    "wrong",
    [
        {"settings": {"OVATION_JWT_AUDIENZ": "x"}},
        {"settings": {"LIVE_ROOMS_MAX": 5}},
        {"workloads": {"walet": {"replicas": 1}}},
        {"postgres": {"services": {"walet": {"address": "x:1", "peers": [{}]}}}},
        {"rabbitmq": {"peers": []}},
        {"workloads": {"wallet": {"environment": {"WALLET_DATABASE_PASSWORD": "x"}}}},
        {"replicaCount": 3},
    ],
)
def test_a_value_that_the_chart_does_not_know_is_refused(wrong):
    with pytest.raises(helm_python.HelmError):
        render(merged(values_of(), wrong))


def test_every_pod_is_confined(resources):
    for kind in ("Deployment", "Job"):
        for resource in of_kind(resources, kind).values():
            pod = pod_of(resource)
            assert pod["automountServiceAccountToken"] is False
            # Kubernetes would set WALLET_PORT, and the wallet would read it.
            assert pod["enableServiceLinks"] is False
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["runAsUser"] > 0
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            for container in containers_of(resource):
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }
                assert container["resources"]["limits"]["memory"]
                assert container["resources"]["requests"]["cpu"]


def test_no_secret_comes_by_the_environment(resources):
    for kind in ("Deployment", "Job"):
        for resource in of_kind(resources, kind).values():
            for container in containers_of(resource):
                assert "envFrom" not in container
                assert not [each for each in container["env"] if "valueFrom" in each]
                names = [each["name"] for each in container["env"]]
                secret = [
                    name for name in names if re.search("PASSWORD|SECRET|TOKEN|API_KEY", name)
                ]
                assert [each for each in secret if not each.endswith(("_FILE", "_DIR"))] == []
    assert of_kind(resources, "Secret") == {}


@pytest.mark.parametrize("service", DATABASES)
def test_a_service_is_asked_by_its_own_probes(service, default):
    (container,) = containers_of(of_kind(default, "Deployment")[service])

    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["startupProbe"]["httpGet"]["path"] == "/livez"


@pytest.mark.parametrize("name", [*PUBLIC, "gateway"])
def test_of_what_serves_no_instance_ends_before_another_is_ready(name, default):
    deployment = of_kind(default, "Deployment")[name]

    assert deployment["spec"]["replicas"] >= 2
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert of_kind(default, "PodDisruptionBudget")[name]["spec"]["maxUnavailable"] == 1
    spread = {each["topologyKey"] for each in pod_of(deployment)["topologySpreadConstraints"]}
    assert spread == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}


@pytest.mark.parametrize("service", DATABASES)
def test_a_service_has_time_to_finish_after_it_was_forgotten(service, default):
    pod = pod_of(of_kind(default, "Deployment")[service])

    sleeps = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] - sleeps >= 30


def test_a_selector_finds_its_own_pods_and_no_others(resources):
    deployments = of_kind(resources, "Deployment")
    for name, deployment in deployments.items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        wanted = deployment["spec"]["selector"]["matchLabels"]
        found = [
            other
            for other, each in deployments.items()
            if wanted.items() <= each["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert found == [name]
        assert len(labels["app.kubernetes.io/version"]) > 0


def test_every_service_has_the_name_by_which_the_gateway_asks_for_it(default):
    """Headless: the gateway tries each address, as it does with Compose."""
    services = of_kind(default, "Service")
    gateway = (CHART.parents[1] / "gateway" / "nginx.conf").read_text()

    for name in re.findall(r"set \$to_\w+ (\w+):8000;", gateway):
        assert services[name]["spec"]["clusterIP"] == "None"
        assert services[name]["spec"]["ports"][0]["port"] == 8000
    domain = {each["name"]: each["value"] for each in _env(default, "gateway")}
    assert domain["OVATION_GATEWAY_DOMAIN"] == f"{NAMESPACE}.svc.cluster.local"


@pytest.mark.parametrize("service", DATABASES)
def test_a_database_is_made_and_migrated_before_its_service_is_replaced(service, default):
    job = of_kind(default, "Job")[f"migrate-{service}"]

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    provision, migrate = containers_of(job)
    assert provision["command"] == ["python", "-m", "deploy.config.provision", service]
    assert migrate["command"] == ["python", "-m", "shared.postgres.migrate", service]
    assert pod_of(job)["restartPolicy"] == "Never"


def test_what_the_broker_lacks_is_made_after_the_databases_and_before_the_services(default):
    jobs = of_kind(default, "Job")
    weights = {
        name: int(job["metadata"]["annotations"]["helm.sh/hook-weight"])
        for name, job in jobs.items()
    }

    assert weights.pop("topology") > max(weights.values())
    assert containers_of(jobs["topology"])[0]["command"] == [
        *("ovationctl", "topology", "apply", "--yes")
    ]


def test_replicas_follow_the_age_of_the_outbox():
    scalers = of_kind(render(values_of("large")), "HorizontalPodAutoscaler")

    assert set(scalers) == {*PUBLIC, "gateway"}
    for service in DATABASES:
        metric, processors = scalers[service]["spec"]["metrics"]
        assert metric["external"]["metric"] == {
            "name": "ovation_outbox_oldest_age_seconds",
            "selector": {"matchLabels": {"service": service}},
        }
        assert processors["resource"]["name"] == "cpu"


def test_whoever_scales_is_not_overruled_by_the_next_upgrade():
    deployments = of_kind(render(values_of("large")), "Deployment")

    assert "replicas" not in deployments["wallet"]["spec"]
    assert deployments["auditor"]["spec"]["replicas"] == 1


@pytest.mark.parametrize("file", ["small", "large"])
def test_all_instances_and_one_more_have_sessions_at_their_database(file):
    values = merged(yaml.safe_load((CHART / "values.yaml").read_text()), values_of(file))
    defaults = values["defaults"]
    most = max(defaults["replicas"], defaults["autoscaling"]["maxReplicas"])

    assert (most + 1) * SESSIONS_MAX <= SERVICE_CONNECTIONS_MAX


def test_operators_hold_no_password_until_they_are_called(default):
    deployments = of_kind(default, "Deployment")

    assert deployments["operator"]["spec"]["replicas"] == 0
    assert deployments["operator-providers"]["spec"]["replicas"] == 0


def test_a_service_may_have_a_server_of_its_own():
    resources = render(values_of("large"))

    (wallet,) = containers_of(of_kind(resources, "Deployment")["wallet"])
    environment = {each["name"]: each["value"] for each in wallet["env"]}
    assert (
        environment["WALLET_DATABASE_URL"] == "postgresql://wallet@postgres-wallet-rw:5432/wallet"
    )
    provision, migrate = containers_of(of_kind(resources, "Job")["migrate-wallet"])
    assert provision["env"] == [{"name": "POSTGRES_HOST", "value": "postgres-wallet-rw:5432"}]
    assert "@postgres-wallet-rw:5432/" in migrate["env"][0]["value"]
    auditor = {each["name"]: each["value"] for each in _env(resources, "auditor")}
    assert {auditor[f"OVATIONCTL_{service.upper()}_POSTGRES"] for service in DATABASES} == {
        f"postgres-{service}-rw:5432" for service in DATABASES
    }


def test_nothing_is_for_practice_unless_it_is_wanted(default):
    text = json.dumps(default)

    assert not {"sandbox", "issuer"} & set(of_kind(default, "Deployment"))
    assert "INSECURE" not in text
    assert of_kind(default, "ConfigMap") == {}


def test_for_practice_the_gateway_leads_to_the_sandbox_and_the_issuer():
    resources = render(values_of("practice"))

    (config,) = of_kind(resources, "ConfigMap").values()
    assert f"sandbox.{NAMESPACE}.svc.cluster.local:8000" in config["data"]["practice.conf"]
    assert "${" not in config["data"]["practice.conf"]
    assert {"sandbox", "issuer"} <= set(of_kind(resources, "Deployment"))


def test_no_placeholder_is_left(resources):
    assert "${" not in json.dumps(resources)


def _env(resources, name):
    return containers_of(of_kind(resources, "Deployment")[name])[0]["env"]


def test_further_issuers_reach_services_and_pages_as_they_are_written():
    issuers = [{"issuer": "https://staff.example/", "subject_prefix": "staff:", "note": "a'b\\c"}]
    written = json.dumps(issuers)
    values = merged(values_of(), {"settings": {"OVATION_JWT_MORE_ISSUERS": written}})
    deployments = of_kind(render(values), "Deployment")

    for name in PUBLIC:
        found = environment_of(containers_of(deployments[name])[0])
        assert found[f"{name.upper()}_JWT_MORE_ISSUERS"] == written
