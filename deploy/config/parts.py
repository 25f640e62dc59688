"""
Parts of committed files that name every service or setting, written from tables of both.

A part stands between two comments, `begin NAME` and `end NAME`; `make contracts` writes what is
between them. Everything else of these files is written by hand.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.config.chart import settings_part
from deploy.config.containers import environment, migration_environment, secret_files
from deploy.config.images import release_matrix
from deploy.config.postgres import PRODUCTION, SETTINGS, arguments
from deploy.config.services import DATABASES, OWN_SECRETS, PUBLIC, SEALED, SERVICES, Service

ROOT = Path(__file__).parent.parent.parent
# A service in docker-compose.yml: its migration, and itself.
BLOCK = Path(__file__).with_name("service.yml")
# Of the database itself, and of what stands before the pools of the services.
POSTGRES = "${OVATION_POSTGRES:-postgres:5432}"
POOLER = "${OVATION_POSTGRES_POOLER:-postgres:5432}"
NODES = "rabbitmq,rabbitmq-2,rabbitmq-3"
# Of an installation, beside the services: it compares them every hour.
WATCHED = (*PUBLIC, "auditor")
_PART = re.compile(
    r"^(?P<begin> *# begin (?P<name>[a-z-]+):[^\n]*\n).*?(?P<end>^ *# end (?P=name)$)",
    re.MULTILINE | re.DOTALL,
)


def written(file: str) -> str:
    """Return a whole file, each of its parts as the table of services says now."""
    text, parts = (ROOT / file).read_text(), PARTS[file]
    assert {found["name"] for found in _PART.finditer(text)} == set(parts), f"parts of {file}"
    return _PART.sub(lambda found: f"{found['begin']}{parts[found['name']]}{found['end']}", text)


def _each(template: str, names: Iterable[str] = DATABASES) -> str:
    """Return a template once for each service, with its name in both cases."""
    return "".join(_named(template, name) for name in names)


def _named(template: str, name: str) -> str:
    return template.replace("<name>", name).replace("<NAME>", name.upper())


def _blocks() -> str:
    template = BLOCK.read_text()
    return "\n".join(_block(template, SERVICES[name]) for name in DATABASES)


def _block(template: str, service: Service) -> str:
    variables = environment(service, postgres=POSTGRES, pooler=POOLER, rabbitmq="rabbitmq:5672")
    migration = migration_environment(service, postgres=POSTGRES)
    secrets = [
        f"      - {source}\n"
        if file == source
        else f"      - {{source: {source}, target: {file}}}\n"
        for file, source in secret_files(service).items()
    ]
    folder, mounted = service.secrets_folder, []
    if folder:
        # Not a list of files: each installation has other providers, and one without has none.
        mounted.append(f"./deploy/secrets/{folder}:/run/secrets/{folder}:ro")
    if service.sealed:
        # Old entries of its ledger: it reads them, only the operator's command writes some.
        mounted.append("./archives:/archives:ro")
    listed = ", ".join(f'"{each}"' for each in mounted)
    volumes = f"    volumes: [{listed}]\n" if mounted else ""
    filled = (
        template.replace("<packages>", service.packages)
        .replace("<migration>", ", ".join(_assigned(migration)))
        .replace("<settings>\n", "".join(f"      {each}\n" for each in _assigned(variables)))
        .replace("<secrets>\n", "".join(secrets))
        .replace("<volumes>\n", volumes)
    )
    return _named(filled, service.name)


def _assigned(variables: Mapping[str, str]) -> list[str]:
    return [f'{name}: "{value}"' for name, value in variables.items()]


def _listed(names: Iterable[str]) -> str:
    return "".join(f"      - {name}\n" for name in names)


def _own_files(names: Iterable[str]) -> str:
    return "".join(f"  {name}: {{file: ./deploy/secrets/{name}}}\n" for name in names)


def _production() -> str:
    lines = []
    for name in DATABASES:
        settings = {"ALLOW_INSECURE_ISSUER": "false", **SERVICES[name].production}
        lines += [f"  {name}:", "    mem_limit: 1g", "    environment:"]
        lines += [
            f'      {SERVICES[name].variable(key)}: "{value}"' for key, value in settings.items()
        ]
    return "\n".join(lines) + "\n"


def _practising() -> str:
    lines = []
    for name in DATABASES:
        settings = {"ALLOW_INSECURE_ISSUER": "true", **SERVICES[name].practising}
        said = ", ".join(
            f'{SERVICES[name].variable(key)}: "{value}"' for key, value in settings.items()
        )
        lines += [f"  {name}:", f"    environment: {{{said}}}"]
    return "\n".join(lines) + "\n"


def _postgres(settings: Mapping[str, str]) -> str:
    return "".join(f"      - {word}\n" for word in ("postgres", *arguments(settings)))


def _gone() -> str:
    absent = [f'          absent(up{{job="ovation", service="{name}"}})' for name in WATCHED]
    return "        expr: >-\n" + " or\n".join(absent) + "\n"


_PASSWORDS = "      - <name>_owner_password\n      - <name>_database_password\n"
_ARCHIVER_PASSWORD = "      - <name>_archiver_database_password\n"  # noqa: S105 - the name of its file
_ARCHIVER_FILE = (
    "  <name>_archiver_database_password:"
    " {file: ./deploy/secrets/<name>_archiver_database_password}\n"
)
_SECRET_FILES = "".join(
    f"  <name>_{kind}_password: {{file: ./deploy/secrets/<name>_{kind}_password}}\n"
    for kind in ("owner", "database", "broker")
)
_SCALED = f"""\
  <name>:
    <<: *three
    environment:
      <NAME>_BROKER_URL: amqp://<name>@{NODES}/ovation
    depends_on: *cluster
"""
_UP = """\
      - series: 'up{job="ovation", service="<name>", instance="a"}'
        values: 1x10
"""
_SEALED = f"""\
        expr: >-
          time() - max by (service)
          (ovation_ledger_sealed_timestamp_seconds{{service=~"{"|".join(SEALED)}"}}) > 300
"""


def _parameters(settings: Mapping[str, str]) -> str:
    return "".join(f"        {name}: {value}\n" for name, value in settings.items())


PARTS: Mapping[str, Mapping[str, str]] = {
    ".github/workflows/release.yml": {"images": release_matrix()},
    "docker-compose.yml": {
        "database-passwords": _each(_PASSWORDS) + _each(_ARCHIVER_PASSWORD, SEALED),
        "migrated": _each("      migrate-<name>: {condition: service_completed_successfully}\n"),
        "operator-passwords": (
            _each(_PASSWORDS) + _each(_ARCHIVER_PASSWORD, SEALED) + _listed(OWN_SECRETS)
        ),
        "postgres": _postgres(SETTINGS),
        "services": _blocks(),
        "secret-files": (
            _each(_SECRET_FILES) + _each(_ARCHIVER_FILE, SEALED) + _own_files(OWN_SECRETS)
        ),
    },
    "deploy/compose.practice.yml": {
        "services": _practising(),
    },
    "deploy/compose.production.yml": {
        "services": _production(),
        "postgres": _postgres(PRODUCTION),
    },
    "deploy/failover/patroni.yml": {"postgres": _parameters(PRODUCTION)},
    "deploy/compose.scale.yml": {"services": _each(_SCALED)},
    "deploy/compose.observability.yml": {"services": _each("  <name>: *watched\n", PUBLIC)},
    "deploy/kubernetes/ovation/values.yaml": {"settings": settings_part()},
    "deploy/observability/prometheus.yml": {"names": f"      - names: [{', '.join(WATCHED)}]\n"},
    "deploy/observability/alerts.yml": {"gone": _gone(), "sealed": _SEALED},
    "deploy/observability/alerts_test.yml": {
        "all-but-live": _each(_UP, [name for name in WATCHED if name != "live"]),
        "all": _each(_UP, WATCHED),
    },
}
