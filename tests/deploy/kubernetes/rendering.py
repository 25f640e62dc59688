"""The chart as Helm renders it and the servers as kubectl does: no cluster is asked."""

import json
import subprocess
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path

import helm_python
import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator
from kubernetes_validate import utils

ROOT = Path(__file__).parent.parent.parent.parent
FOLDER = ROOT / "deploy" / "kubernetes"
CHART = FOLDER / "ovation"
SERVERS = FOLDER / "servers"
SCHEMAS = Path(__file__).with_name("schemas")
KUBERNETES = "1.37"
NAMESPACE = "coins"
# What an installation has to say.
INSTALLATION = {
    "settings": {
        "OVATION_JWT_ISSUER": "https://login.example.com",
        "OVATION_JWKS_URL": "https://login.example.com/keys",
        "OVATION_PROVIDER_URL": "https://payments.example.com",
    }
}


def values_of(*files):
    """The values of an installation: files of the chart, and what it has to say."""
    values = deepcopy(INSTALLATION)
    for file in files:
        values = merged(values, yaml.safe_load((CHART / f"{file}.yaml").read_text()))
    return values


def merged(values, more):
    """Values with others over them, as Helm merges them."""
    if not (isinstance(values, dict) and isinstance(more, dict)):
        return more
    return {**values, **{key: merged(values.get(key), value) for key, value in more.items()}}


def render(values=None):
    """Every resource of the chart."""
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(values or values_of(), name="ovation", namespace=NAMESPACE)
    texts = [text for name, text in files.items() if name.endswith(".yaml")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def kustomized(overlay):
    """Every resource of an overlay of the servers."""
    kubectl = Path(sys.executable).with_name("kubectl")
    command = [kubectl, "kustomize", SERVERS / overlay]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


def of_kind(resources, kind):
    return {each["metadata"]["name"]: each for each in resources if each["kind"] == kind}


def pod_of(resource):
    return resource["spec"]["template"]["spec"]


def containers_of(resource):
    pod = pod_of(resource)
    return [*pod.get("initContainers", ()), *pod["containers"]]


def environment_of(container):
    return {each["name"]: each["value"] for each in container["env"]}


def secrets_of(resource, container):
    """The files a container has below /run/secrets, each with its key in the Secret."""
    mounted = {each["name"] for each in container["volumeMounts"]}
    return {
        item["path"]: item["key"]
        for volume in pod_of(resource)["volumes"]
        if volume["name"] in mounted
        for source in volume.get("projected", {}).get("sources", ())
        for item in source["secret"].get("items", ())
    }


def validate(resource):
    """Refuse a resource that Kubernetes or an operator would refuse, or quietly cut."""
    schema = SCHEMAS / _schema_name(resource)
    if schema.exists():
        Draft202012Validator(_strict_schema(schema)).validate(resource)
    else:
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)


# The wheel reads its files again for every resource.
utils.schema_contents = cache(utils.schema_contents)


def _schema_name(resource):
    version = resource["apiVersion"].replace("/", "-")
    return f"{resource['kind'].lower()}-{version}.json"


@cache
def _strict_schema(path):
    return _strict(json.loads(path.read_text()))


def _strict(schema):
    """A field that the operator does not know would be cut without a word: refuse it."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tight = {key: _strict(value) for key, value in schema.items()}
    is_object = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    is_open = schema.get("x-kubernetes-preserve-unknown-fields")
    if is_object and not is_open and "additionalProperties" not in schema:
        tight["additionalProperties"] = False
    return tight
