"""
`.env.example`: every setting of an installation, with its default, its meaning and its readers.

The names are those that Compose's files read. What a setting means is said once: above its field
in the class of settings of a service, or in OF_INSTALLATION for what no such class has.
"""

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from inspect import getfile
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from deploy.config.parts import PARTS, ROOT, written
from deploy.config.services import SERVICES

EXAMPLE = ROOT / ".env.example"
BASE = "docker-compose.yml"
WIDTH = 100
# `${NAME:-default}` or `${NAME:?what to do}`.
_SETTING = re.compile(r"\$\{(?P<name>[A-Z_]+):(?P<kind>[-?])(?P<text>[^}]*)\}")
# What another setting is made of has its own place.
_WHOLE = re.compile(rf"^{_SETTING.pattern}$")
_IMAGE = "An image of others, in place of the one that is named here."
OF_INSTALLATION: Mapping[str, str] = {
    # Fields of the classes whose comment is of several.
    "JWT_LIFETIME_SECONDS_MAX": "How long a token may be valid, from `iat` (or now) to `exp`.",
    "OVATION_JWT_ISSUER": "Who signs your users' tokens: their `iss`.",
    "OVATION_JWT_AUDIENCE": "For whom tokens are made: their `aud`.",
    "OVATION_JWKS_URL": "The https address of the keys that sign tokens.",
    "OVATION_PROVIDER_URL": "The address of a payment provider that speaks the sandbox's protocol.",
    "OVATION_PUBLIC_URL": "The public address of the gateway, without a slash at its end.",
    "OVATION_IMAGES": "Whose images are run, such as ghcr.io/OWNER/REPOSITORY of a release; the"
    " default is no registry, so they are built here.",
    "OVATION_VERSION": "The version of our images. No tag of a release moves.",
    "OVATION_BIND": "The address of this machine at which the gateway listens.",
    "OVATION_JWT_ROLES_CLAIM": "Where roles are in a token, if not in `roles`.",
    "OVATION_JWT_SCOPES_CLAIM": "Where scopes are in a token, if not in `scope` or `scopes`.",
    "OVATION_PORT": "The port at which the gateway listens.",
    "OVATION_GATEWAY_WORKERS": "Processes of the gateway, 1 to 4; empty: 2, on any machine.",
    "OVATION_TRUSTED_PROXIES": "Addresses or networks, by spaces, whose X-Forwarded-For is true.",
    "OVATION_ARCHIVE": "Where old entries of ledgers are: a folder, or s3://...",
    "OVATION_POSTGRES": "`host:port` of PostgreSQL, for relays, jobs, migrations and commands;"
    " never of a pooler.",
    "OVATION_POSTGRES_POOLER": "`host:port` of the pools: a pooler, or the same as"
    " OVATION_POSTGRES.",
    "OVATION_OPERATOR": "The user and group that the operator's copies belong to.",
    "OVATIONCTL_OPERATOR": "Who runs the operator's commands, for the audit log.",
    "OVATION_QUEUE_PARTITIONS": "Queues that are spread over several, such as wallet.gifts=4.",
    "OVATION_TENCENT_ADDRESSES": "Addresses or networks, by spaces, that alone may call as Tencent;"
    " empty: any.",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "Where traces are sent, by OTLP over HTTP.",
    "OTEL_TRACES_SAMPLER": "Which traces are kept, by its name in OpenTelemetry.",
    "OTEL_TRACES_SAMPLER_ARG": "The share of traces that is kept.",
    "WEB_HOST_ORIGINS": "The sites, by spaces, that may frame the pages and sign people in.",
    "WEB_PICTURE_ORIGINS": "The sites, by spaces, from which pictures and films of gifts and"
    " pictures of people may come.",
    "WEB_RUNBOOKS_URL": "Where the runbooks are published, which the operators' console links to.",
    "OVATION_DOMAIN": "The name of your site, for which Caddy gets a certificate.",
    "OVATION_ACME_URL": "The directory of the ACME authority that signs certificates.",
    "OVATION_TLS_ISSUER": "Who signs the certificate: acme, or internal for Caddy's own authority.",
    "OVATION_TLS_BIND": "The address of this machine at which Caddy listens.",
    "OVATION_TLS_NETWORK": "The first three numbers of the network of Caddy and the gateway alone.",
    "OVATION_HTTP_PORT": "The port of http, whose callers are sent on to https.",
    "OVATION_HTTPS_PORT": "The port of https.",
    "PROMETHEUS_PORT": "The port of Prometheus, at 127.0.0.1.",
    "GRAFANA_PORT": "The port of Grafana, at 127.0.0.1.",
    "JAEGER_PORT": "The port of Jaeger, at 127.0.0.1.",
}
HEAD = """\
# Every setting of an installation: its default, what it means, and which programs read it.
#
# Written by `make contracts` from the classes of settings and Compose's files: do not edit it.
# Copy it to `.env` beside docker-compose.yml, say what is required, and change what you want;
# every command of Compose reads it there. The chart's `settings` have the same names.
#
# No secret is among them: `make secrets` makes files of those (deploy/secrets).
"""
REST = """\

# ---- Settings of single services that Compose does not pass on
#
# Add one to `environment` of its service, in a Compose file of your own; with the chart,
# to `workloads.<service>.environment`.
"""


@dataclass(slots=True)
class Setting:
    """One variable of `.env`: without a default an installation has to say it."""

    name: str
    default: str | None
    file: str
    meaning: str = ""
    readers: list[str] = field(default_factory=list)


def example_file() -> str:
    """Return the whole of `.env.example`."""
    found = installation_settings()
    required = [each for each in found if each.default is None and each.file == BASE]
    usual = [each for each in found if each.default is not None and each.file == BASE]
    sections = [HEAD, "\n# ---- Required\n", *map(_written, required)]
    sections += ["\n# ---- With a default\n", *map(_written, usual)]
    for file in sorted({each.file for each in found} - {BASE}):
        sections += [f"\n# ---- With {file}\n"]
        sections += [_written(each) for each in found if each.file == file]
    return "".join([*sections, REST, *_single_services()])


def installation_settings() -> list[Setting]:
    """Return each variable that a file of Compose reads, in the order of the files."""
    import yaml  # noqa: PLC0415 - the image of the tools, which writes no files, does without it

    found: dict[str, Setting] = {}
    for file in (BASE, *sorted(_overlays())):
        for program, variable, match in _used(yaml.safe_load(_text(file))["services"]):
            name = match["name"]
            default = match["text"] if match["kind"] == "-" else None
            setting = found.setdefault(name, Setting(name, default, file))
            if program not in setting.readers:
                setting.readers.append(program)
            service = program.removeprefix("migrate-")
            if not setting.meaning and service in SERVICES and _WHOLE.match(match.string):
                setting.meaning = _meanings(service).get(variable, "")
    for setting in found.values():
        default = _IMAGE if setting.name.endswith("_IMAGE") else setting.meaning
        setting.meaning = OF_INSTALLATION.get(setting.name, default)
    return list(found.values())


def service_settings() -> Mapping[str, list[tuple[str, str, str]]]:
    """Return what only the classes of settings know: by field, service, default and meaning."""
    files = [_text(file) for file in (BASE, *_overlays())]
    said = {name for text in files for name in re.findall(r"^ *([A-Z_]+): ", text, re.MULTILINE)}
    said |= {name for text in files for name in re.findall(r"[{ ]([A-Z_]+): ", text)}
    found: dict[str, list[tuple[str, str, str]]] = {}
    for service in SERVICES:
        for name, its in _class(service).model_fields.items():
            if f"{service}_{name}".upper() in said or _is_secret(its.annotation):
                continue
            default = "" if its.is_required() or its.default is None else _plain(its.default)
            meaning = _meanings(service).get(f"{service}_{name}".upper(), "")
            found.setdefault(name, []).append((service, default, meaning))
    return found


def _single_services() -> Iterator[str]:
    for name, each in service_settings().items():
        services, defaults, meanings = zip(*each, strict=True)
        meaning = OF_INSTALLATION.get(name.upper(), meanings[0])
        yield "\n" + _comment(f"{meaning} Read by {', '.join(services)}.")
        for service, default in zip(services, defaults, strict=True):
            yield f"#{service.upper()}_{name.upper()}={default}\n"


def _written(setting: Setting) -> str:
    # A migration has what its service has.
    readers = [each for each in setting.readers if not each.startswith("migrate-")]
    text = _comment(f"{setting.meaning} Read by {', '.join(readers)}.".strip())
    required = setting.default is None and setting.file == BASE
    return f"\n{text}{'' if required else '#'}{setting.name}={setting.default or ''}\n"


def _comment(text: str) -> str:
    lines = textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def _text(file: str) -> str:
    return written(file) if file in PARTS else (ROOT / file).read_text()


def _overlays() -> list[str]:
    return [f"deploy/{path.name}" for path in (ROOT / "deploy").glob("compose.*.yml")]


def _used(programs: Mapping[str, object]) -> Iterator[tuple[str, str, re.Match[str]]]:
    """Yield each use of a setting: the program, its own variable if it is one, and the setting."""
    for program, its in programs.items():
        environment = (its.get("environment") or {}) if isinstance(its, dict) else {}
        for variable, value in environment.items():
            yield from ((program, variable, each) for each in _SETTING.finditer(str(value)))
        rest = {key: value for key, value in _items(its) if key != "environment"}
        yield from ((program, "", each) for each in _SETTING.finditer(str(rest)))


def _items(program: object) -> list[tuple[str, object]]:
    return list(program.items()) if isinstance(program, dict) else []


@cache
def _meanings(service: str) -> Mapping[str, str]:
    """Return the sentences above the fields of a service's settings, by its variables."""
    found: dict[str, str] = {}
    for kind in reversed(_class(service).__mro__):
        if issubclass(kind, BaseSettings) and kind is not BaseSettings:
            found |= _comments(Path(getfile(kind)), kind.__name__)
    return {f"{service}_{name}".upper(): text for name, text in found.items()}


def _comments(file: Path, name: str) -> Mapping[str, str]:
    """Return the comment above each field; fields without one share that of the field above."""
    lines = file.read_text().splitlines()
    (its,) = [
        node
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    found, last, end = {}, "", 0
    for node in its.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            first = node.lineno - 1
            while lines[first - 1].lstrip().startswith("# "):
                first -= 1
            own = [line.strip().removeprefix("# ") for line in lines[first : node.lineno - 1]]
            last = " ".join(own) or (last if end == node.lineno - 1 else "")
            found[node.target.id], end = last, node.end_lineno or 0
    return found


@cache
def _class(service: str) -> type[BaseSettings]:
    kind: type[BaseSettings] = import_module(f"services.{service}.settings").Settings
    return kind


def _is_secret(annotation: object) -> bool:
    return SecretStr.__name__ in str(annotation)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
