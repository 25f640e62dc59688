"""
What the Helm chart takes from the table of services: programs, settings, the schema of both.

The chart's settings have the names that Compose reads from `.env`. `make contracts` writes
`files/services.json`, the settings in `values.yaml` and their schema; the rest of the chart is
written by hand.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.config.containers import environment, migration_environment, secret_files
from deploy.config.databases import archiver_of
from deploy.config.services import DATABASES, OWN_SECRETS, PUBLIC, SEALED, SERVICES, Service

CHART = Path(__file__).parent.parent / "kubernetes" / "ovation"
# Programs beside the services, and variables that only they read, with their defaults.
OTHER_PROGRAMS = ("auditor", "operator", "operator-providers", "gateway", "sandbox", "issuer")
_OF_OTHERS = {
    "WEB_HOST_ORIGINS": "",
    "WEB_PICTURE_ORIGINS": "",
    "WEB_RUNBOOKS_URL": "",
    "WEB_NAME": "",
    "WEB_BRAND_FOLDER": "",
    "WEB_PLAYER_URL": "",
    "WEB_PAGES_OFF": "",
    "OVATION_GATEWAY_WORKERS": "",
    "OVATION_TRUSTED_PROXIES": "",
    "OVATION_TENCENT_ADDRESSES": "",
    "OVATION_TENCENT_SDK_APP_ID": "",
    "GIFT_TENCENT_NEW_BODY_SECONDS": "5",
    "GIFT_TENCENT_BODIES_MAX": "100",
    "OVATIONCTL_OPERATOR": "",
}
# `${NAME:-default}`, or `${NAME:?why}` where there is no default.
_SETTING = re.compile(r"\$\{(?P<name>[A-Z_]+):(?P<kind>[-?])(?P<default>[^}]*)\}")


def services_file() -> str:
    """Return `files/services.json`: what the Deployment of each service has, and an operator."""
    programs = {name: _program(SERVICES[name]) for name in DATABASES}
    passwords = [f"{name}_{role}_password" for name in DATABASES for role in ("owner", "database")]
    passwords += [f"{archiver_of(name)}_database_password" for name in SEALED]
    document = {"services": programs, "operator_secrets": [*passwords, *OWN_SECRETS]}
    return json.dumps(document, indent=2) + "\n"


def settings() -> dict[str, str | None]:
    """Return every setting with its default; None where an installation has to say it."""
    found: dict[str, str | None] = {}
    for service in map(SERVICES.__getitem__, DATABASES):
        values = environment(service, postgres="", pooler="", rabbitmq="").values()
        for setting in (each for value in values for each in _SETTING.finditer(value)):
            found[setting["name"]] = setting["default"] if setting["kind"] == "-" else None
    return {**found, **_OF_OTHERS}


def settings_part() -> str:
    """Return the lines of `values.yaml` that name the settings."""
    return "".join(
        f'  {name}: "{default or ""}"{"" if default is not None else "  # required"}\n'
        for name, default in settings().items()
    )


def schema_file() -> str:
    """Return `values.schema.json`, with the settings and workloads of the table."""
    path = CHART / "values.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text())
    known = settings()
    schema["properties"]["settings"] = {
        "description": "What Docker Compose reads from .env, by the same names.",
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, default in known.items() if default is None],
        "properties": {
            name: {"type": "string"} if default is not None else {"type": "string", "minLength": 1}
            for name, default in known.items()
        },
    }
    of_services = schema["properties"]["postgres"]["properties"]["services"]
    of_services["propertyNames"] = {"enum": list(DATABASES)}
    schema["properties"]["workloads"]["propertyNames"] = {"enum": [*PUBLIC, *OTHER_PROGRAMS]}
    return json.dumps(schema, indent=2) + "\n"


def _program(service: Service) -> Mapping[str, object]:
    variables = environment(
        service, postgres="${POSTGRES}", pooler="${POSTGRES_POOLER}", rabbitmq="${RABBITMQ}"
    )
    migration = migration_environment(service, postgres="${POSTGRES}")
    practising = {"ALLOW_INSECURE_ISSUER": "true", **service.practising}
    return {
        "environment": _filled_by_chart(variables),
        "practice": {service.variable(key): value for key, value in practising.items()},
        "secrets": secret_files(service),
        "archivers": [f"{archiver_of(service.name)}_database_password"] if service.sealed else [],
        "archives": "read" if service.sealed else "",
        "providers": [service.name] if service.provider else [],
        "posts": service.posts,
        "migration": _filled_by_chart(migration),
    }


def _filled_by_chart(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with `${NAME}` alone: the chart's values have the defaults."""
    return {
        name: _SETTING.sub(lambda found: f"${{{found['name']}}}", value)
        for name, value in variables.items()
    }
